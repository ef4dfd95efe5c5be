"""adaptive_avg_pool: average pooling to a given size."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Size


@register
class AdaptiveAvgPool(Block):
    """Average pooling to the output size `size`, for a map of any size; size 1 is `gap`.

    If `size` does not divide the size of the map, bins overlap and the receptive field is an upper bound.
    """

    POSITIONAL: ClassVar[str] = "size"
    EXAMPLE: ClassVar[str] = "adaptive_avg_pool: 4"
    REJECTS: ClassVar[dict[str, str]] = {"adaptive_avg_pool: 0": "AB103", "adaptive_avg_pool: 99": "AB308"}

    size: Annotated[Size, Field(description="one integer or [height, width]")] = (1, 1)

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.AdaptivePool(self.size), self.name or self.KIND)
