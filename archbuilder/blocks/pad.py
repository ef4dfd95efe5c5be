"""pad: zeros around a map, and channels of zeros."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Check, SidePadding, size


@register
class Pad(Block):
    """Pads a map with pixels around it, with channels of zeros, or both. A conv pads by its own field `padding`.

    The shortcut of the first ResNets, without parameters, is
    `shortcut: [{avg_pool: {kernel: 1, stride: 2}}, {pad: {channels: [8, 8]}}]`. It takes every second pixel and fills
    the missing channels with zeros (He et al., Deep Residual Learning, 2015, option A).
    """

    POSITIONAL: ClassVar[str] = "padding"
    EXAMPLE: ClassVar[str] = "pad: {channels: [4, 4]}"
    REJECTS: ClassVar[dict[str, str]] = {
        "pad: -1": "AB103",
        "pad: {padding: 20, padding_mode: reflect}": "AB310",
        "- flatten\n- pad: 1": "AB303",
    }

    padding: Annotated[SidePadding, Field(description="one integer, [height, width] or [top, bottom, left, right]")] = (
        0,
        0,
        0,
        0,
    )
    padding_mode: Annotated[
        Literal["zeros", "reflect", "replicate", "circular"], Field(description="the values of padded pixels")
    ] = "zeros"
    channels: Annotated[
        tuple[int, int],
        Check(size(0)),
        Field(description="channels of zeros to add, [before, after] the channels of the map"),
    ] = (0, 0)

    def lower(self, g: GraphBuilder) -> None:
        name = self.name or self.KIND
        if any(self.channels):
            g.add(ops.ChannelPad(*self.channels), f"{name}_channels" if any(self.padding) else name)
        if any(self.padding) or not any(self.channels):
            g.add(ops.Pad2d(*self.padding, self.padding_mode), name)
