"""adaptive_max_pool: maximum pooling to a given size."""

from typing import ClassVar

from archbuilder.blocks import register
from archbuilder.blocks.adaptive_avg_pool import AdaptiveAvgPool
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder


@register
class AdaptiveMaxPool(AdaptiveAvgPool):
    """Maximum pooling to the output size `size`, for a map of any size; size 1 is a global maximum pool."""

    EXAMPLE: ClassVar[str] = "adaptive_max_pool: 1"
    REJECTS: ClassVar[dict[str, str]] = {"adaptive_max_pool: x": "AB103", "adaptive_max_pool: 99": "AB308"}

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.AdaptivePool(self.size, maximum=True), self.name or self.KIND)
