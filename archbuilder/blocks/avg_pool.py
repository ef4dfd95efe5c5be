"""avg_pool: average pooling over a window; the pools' common fields."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import AvgPool2d
from archbuilder.schema.fields import Size, SymmetricPadding


class Pool(Block):
    """What the pools with a window have.  The stride is the kernel where none is given."""

    POSITIONAL: ClassVar[str] = "kernel"

    kernel: Annotated[Size, Field(description="the window in pixels")]
    stride: Annotated[Size | None, Field(description="step in pixels; the kernel by default")] = None
    padding: Annotated[SymmetricPadding, Field(description="pixels on both sides, at most half the kernel")] = (0, 0)
    ceil_mode: Annotated[bool, Field(description="a last window may hang over the end: sizes are rounded up")] = False


@register
class AvgPool(Pool):
    """Average pooling over a window.  A window equal to the map is a global pool; see `gap`.

    A kernel of 1 with a stride takes every second pixel (or third ...) as it is.
    """

    EXAMPLE: ClassVar[str] = "avg_pool: 2"
    REJECTS: ClassVar[dict[str, str]] = {
        "avg_pool": "AB102",
        "avg_pool: 99": "AB302",
        "avg_pool: {kernel: 2, padding: 2}": "AB307",
    }

    count_include_pad: Annotated[bool, Field(description="padding counts as zeros; off, it is left out")] = True

    def lower(self, g: GraphBuilder) -> None:
        stride = self.stride or self.kernel
        op = AvgPool2d(self.kernel, stride, self.padding, self.ceil_mode, self.count_include_pad)
        g.add(op, self.name or self.KIND)
