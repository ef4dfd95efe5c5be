"""scale: a learnt factor per channel."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Check, number


@register
class Scale(Block):
    """Multiplies each channel by a learnt factor: a residual scale, in the body or the shortcut of a skip.

    Source: Touvron et al., Going deeper with Image Transformers (LayerScale), 2021.
    """

    POSITIONAL: ClassVar[str] = "init"
    EXAMPLE: ClassVar[str] = "skip: {blocks: [{conv: 16}, {scale: 0.1}], shortcut: identity}"
    REJECTS: ClassVar[dict[str, str]] = {"scale: big": "AB103", "- flatten\n- scale": "AB303"}

    init: Annotated[float, Check(number(-1e6, 1e6)), Field(description="initial value of all factors")] = 1.0

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.ChannelScale(self.init), self.name or self.KIND)
