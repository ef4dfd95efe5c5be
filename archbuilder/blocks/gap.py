"""gap: global average pooling."""

from typing import ClassVar

from archbuilder.blocks import Block, register
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import AdaptivePool


@register
class Gap(Block):
    """Global average pooling: the mean of each channel over the whole map, for a map of any size."""

    MEANT: ClassVar[str] = "write gap alone, which pools the whole map, or avg_pool: {}"
    EXAMPLE: ClassVar[str] = "gap"
    REJECTS: ClassVar[dict[str, str]] = {"gap: {kernel: 8}": "AB101", "gap: 8": "AB104"}

    def lower(self, g: GraphBuilder) -> None:
        g.add(AdaptivePool(), self.name or self.KIND)
