"""squeeze_excite: channels weighted by factors computed from the whole map."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.blocks.activation import Activation
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive
from archbuilder.schema.model import Child, one


@register
class SqueezeExcite(Block):
    """Global pool, 1x1 conv to fewer channels, activation, 1x1 conv back, gate; the map is multiplied by the result.

    `reduced` is the number of channels between the convs; by default those of the map divided by `ratio`.
    Source: Hu, Shen and Sun, Squeeze-and-Excitation Networks, 2018.
    """

    POSITIONAL: ClassVar[str] = "ratio"
    EXAMPLE: ClassVar[str] = "squeeze_excite: {ratio: 4, activation: silu, gate: hardsigmoid}"
    REJECTS: ClassVar[dict[str, str]] = {
        "squeeze_excite: {ratio: 0}": "AB103",
        "squeeze_excite: {gate: softmax}": "AB103",
        "- flatten\n- squeeze_excite": "AB303",
    }

    ratio: Annotated[Positive, Field(description="channels of the map divided by channels between the convs")] = 4
    reduced: Annotated[Positive | None, Field(description="channels between the convs, instead of a ratio")] = None
    activation: Annotated[
        Activation,
        Child(one(Activation), Activation),
        Field(description="between the convs; values of the block `activation`"),
    ] = Activation.model_construct()
    bias: Annotated[bool, Field(description="whether both convs have a bias")] = True
    gate: Annotated[Literal["sigmoid", "hardsigmoid"], Field(description="the function that makes the factors")] = (
        "sigmoid"
    )

    def lower(self, g: GraphBuilder) -> None:
        x, channels = g.value, g.channels
        with g.scope(self.name or self.KIND):
            g.add(ops.AdaptivePool(), "squeeze")
            g.add(ops.Conv2d(self.reduced or max(1, channels // self.ratio), (1, 1), bias=self.bias), "reduce")
            self.activation.lower(g)
            g.add(ops.Conv2d(channels, (1, 1), bias=self.bias), "expand")
            g.add(ops.Activation(self.gate), "gate")
            g.add(ops.Gate(), "scale", (x, g.value))
