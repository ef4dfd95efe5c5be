"""depthwise_separable: a depthwise convolution, then a 1x1 convolution."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Convolution
from archbuilder.blocks.pointwise import Pointwise
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive


@register
class DepthwiseSeparable(Convolution):
    """A depthwise convolution, then a pointwise one, each with its norm, activation and dropout.

    kernel, stride, dilation and padding are the depthwise conv's.
    """

    POSITIONAL: ClassVar[str] = "out"
    EXAMPLE: ClassVar[str] = "depthwise_separable: {out: 32, multiplier: 2}"
    SAMPLES: ClassVar[dict[str, tuple[str, str]]] = {"out": ("32", "how many channels it gives")}
    REJECTS: ClassVar[dict[str, str]] = {
        "depthwise_separable": "AB102",
        "depthwise_separable: {out: 32, groups: 4}": "AB101",
    }

    out: Annotated[Positive, Field(description="output channels")]
    multiplier: Annotated[Positive, Field(description="channels in between, per input channel")] = 1

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.KIND):
            channels = g.channels
            with g.scope("depthwise"):
                self.lower_conv(g, channels * self.multiplier, channels)
            with g.scope("pointwise"):
                self._pointwise().lower_conv(g, self.out)

    def _pointwise(self) -> Pointwise:
        return Pointwise.model_construct(
            out=self.out,
            bias=self.bias,
            norm=self.norm,
            activation=self.activation,
            dropout=self.dropout,
            order=self.order,
            frozen=self.frozen,
        )
