"""activation: a non-linearity as a block of its own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Check, number

Kind = Literal[
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "hardswish",
    "hardsigmoid",
    "sigmoid",
    "tanh",
    "tanhexp",
    "softplus",
    "none",
]


@register
class Activation(Block):
    """A non-linearity: `activation: gelu`, or `activation: {kind: leaky_relu, slope: 0.1}`.

    The `activation` field of convs and of `defaults` takes the same values, and `none` for no activation.
    """

    POSITIONAL: ClassVar[str] = "kind"
    EXAMPLE: ClassVar[str] = "activation: {kind: leaky_relu, slope: 0.1}"
    REJECTS: ClassVar[dict[str, str]] = {"activation: rellu": "AB103", "activation: {slop: 0.1}": "AB101"}

    kind: Annotated[Kind, Field(description="the function")] = "relu"
    slope: Annotated[float, Check(number(-100, 100)), Field(description="slope of leaky_relu below zero")] = 0.01
    channels: Annotated[bool, Field(description="for prelu: learn one slope per channel")] = False

    def lower(self, g: GraphBuilder) -> None:
        if self.kind != "none":
            op = ops.Activation(self.kind, self.slope, self.channels and self.kind == "prelu")
            g.add(op, self.name or "activation", at=self if self._node else None)
