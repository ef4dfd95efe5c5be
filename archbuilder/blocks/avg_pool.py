"""avg_pool: average pooling over a window, and the fields that all pools share."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import AvgPool2d
from archbuilder.schema.fields import Size, SymmetricPadding


class Pool(Block):
    """The fields of pools with a window. The default stride is the kernel size."""

    POSITIONAL: ClassVar[str] = "kernel"

    kernel: Annotated[Size, Field(description="the window in pixels")]
    stride: Annotated[Size | None, Field(description="step in pixels; by default the kernel size")] = None
    padding: Annotated[SymmetricPadding, Field(description="pixels on both sides, at most half the kernel size")] = (
        0,
        0,
    )
    ceil_mode: Annotated[
        bool, Field(description="round the output size up: the last window may extend past the end")
    ] = False


@register
class AvgPool(Pool):
    """Average pooling over a window. A window as large as the map is a global pool; see `gap`.

    A kernel of 1 with stride 2 takes every second pixel unchanged.
    """

    EXAMPLE: ClassVar[str] = "avg_pool: 2"
    REJECTS: ClassVar[dict[str, str]] = {
        "avg_pool": "AB102",
        "avg_pool: 99": "AB302",
        "avg_pool: {kernel: 2, padding: 2}": "AB307",
    }

    count_include_pad: Annotated[
        bool, Field(description="count padding as zeros; if false, average only over pixels of the map")
    ] = True

    def lower(self, g: GraphBuilder) -> None:
        stride = self.stride or self.kernel
        op = AvgPool2d(self.kernel, stride, self.padding, self.ceil_mode, self.count_include_pad)
        g.add(op, self.name or self.KIND)
