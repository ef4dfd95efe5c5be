"""max_pool: maximum pooling over a window."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.avg_pool import Pool
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import MaxPool2d
from archbuilder.schema.fields import Size


@register
class MaxPool(Pool):
    """Maximum pooling over a window."""

    EXAMPLE: ClassVar[str] = "max_pool: {kernel: 3, stride: 2, padding: 1}"
    REJECTS: ClassVar[dict[str, str]] = {"max_pool": "AB102", "max_pool: 99": "AB302"}

    dilation: Annotated[Size, Field(description="distance between taps in pixels")] = (1, 1)

    def lower(self, g: GraphBuilder) -> None:
        stride = self.stride or self.kernel
        g.add(MaxPool2d(self.kernel, stride, self.padding, self.dilation, self.ceil_mode), self.name or self.KIND)
