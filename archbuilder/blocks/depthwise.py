"""depthwise: a convolution of each channel alone."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Convolution
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive


@register
class Depthwise(Convolution):
    """A depthwise convolution (groups = channels); each input channel gives `multiplier` output channels."""

    MEANT: ClassVar[str] = (
        "its output channels follow from its input: write depthwise_separable: {0}, or depthwise: {{multiplier: {0}}}"
    )
    EXAMPLE: ClassVar[str] = "depthwise: {kernel: 5, multiplier: 2}"
    REJECTS: ClassVar[dict[str, str]] = {
        "depthwise: {out: 32}": "AB101",
        "depthwise: {multiplier: 0}": "AB103",
    }

    multiplier: Annotated[Positive, Field(description="output channels per input channel")] = 1

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.KIND):
            channels = g.channels
            self.lower_conv(g, channels * self.multiplier, channels)
