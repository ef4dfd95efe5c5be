"""Pooling."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import final

from archbuilder.diagnostics import declare
from archbuilder.ir.op import Kept, Op, OpError, a_map, by
from archbuilder.ir.ops.window import slide
from archbuilder.ir.reach import Axis, Reach, Status, worst
from archbuilder.ir.shape import Shape, Shapes

BINS = declare(
    "AB308",
    "an adaptive pool with more bins than pixels",
    why=(
        "An adaptive pool divides the map into bins. If there are more bins than pixels, pixels are repeated: the "
        "layer would enlarge the map instead of pooling it."
    ),
    bad="""\
- conv: 16
- adaptive_avg_pool: 64""",
    good="""\
- conv: 16
- adaptive_avg_pool: 4""",
)
POOL_PADDING = declare(
    "AB307",
    "a pool whose padding is more than half its window",
    why=(
        "A pool takes the mean or maximum over its window. If the padding is larger than half the window, some windows "
        "would cover only padding; torch refuses this."
    ),
    bad="""\
- conv: 16
- max_pool: {kernel: 2, padding: 2}""",
    good="""\
- conv: 16
- max_pool: {kernel: 3, padding: 1, stride: 2}""",
)


class WindowPool(Op):
    """A pool whose window slides over the map.  Its fields are (height, width) in pixels."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    ceil_mode: bool = False

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            message = f"padding {by(self.padding)} is more than half of the kernel {by(self.kernel)}"
            raise OpError(POOL_PADDING, message, "pad a pool by at most kernel // 2", "padding")
        return Shape(x.c, *slide(x, self.kernel, self.stride, self.dilation, self.padding, self.ceil_mode))

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        reach = inputs[0].window(self.kernel, self.stride, self.dilation, self.padding)
        return reach.at_least("whole input") if self.is_global(shapes) else reach

    def is_global(self, inputs: Shapes) -> bool:
        """Whether the window covers the whole map, so that the pool is global."""
        (x,) = inputs
        window = (x.h, x.w)
        return self.kernel == window and window != (1, 1) and self.padding == (0, 0) and self.dilation == (1, 1)


@final
@dataclass(frozen=True, eq=False, repr=False)
class AvgPool2d(WindowPool):
    """Average over a window; padding counts as zeros, or not at all if `count_include_pad` is false.

    Shapes:  (c, h, w) -> (c, h', w'), h' = (h + 2p - k) // s + 1, with `ceil_mode` rounded up.
    Errors:  AB302 the window exceeds the padded map; AB307 padding over half the window.
    Source:  torch.nn.AvgPool2d.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    ceil_mode: bool = False
    count_include_pad: bool = True

    def describe(self) -> str:
        return f"avg pool {by(self.kernel)} s{by(self.stride)}{' ceil' if self.ceil_mode else ''}"


@final
@dataclass(frozen=True, eq=False, repr=False)
class MaxPool2d(WindowPool):
    """Maximum over a window; padding is never the maximum.

    Shapes:  (c, h, w) -> (c, h', w'), h' = (h + 2p - d(k-1) - 1) // s + 1, with `ceil_mode` rounded up.
    Errors:  AB302 the window exceeds the padded map; AB307 padding over half the window.
    Source:  torch.nn.MaxPool2d.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil_mode: bool = False

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept((0,), indices=self.shape(inputs).elements)

    def describe(self) -> str:
        return f"max pool {by(self.kernel)} s{by(self.stride)}{' ceil' if self.ceil_mode else ''}"


@final
@dataclass(frozen=True, eq=False, repr=False)
class AdaptivePool(Op):
    """Average or maximum over bins that divide a map of any size; size 1 is a global pool.

    Shapes:  (c, h, w) -> (c, size).
    Errors:  AB308 more bins than pixels.
    Source:  torch.nn.AdaptiveAvgPool2d, torch.nn.AdaptiveMaxPool2d.

    Bin i covers the pixels floor(i*n/size) to ceil((i+1)*n/size) - 1: if size does not divide n, bins overlap and have
    different sizes, and the field is an upper bound.
    """

    size: tuple[int, int] = (1, 1)
    maximum: bool = False

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        result = Shape(x.c, *self.size)
        if self.size[0] > x.h or self.size[1] > x.w:
            message = f"{by(self.size)} bins are more than the {x.h}x{x.w} pixels of the map"
            raise OpError(BINS, message, "use a smaller size, or upsample", "size", result)
        return result

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        (x,), (shape,) = inputs, shapes
        h, hs = self._axis(x.h, shape.h, self.size[0])
        w, ws = self._axis(x.w, shape.w, self.size[1])
        status: Status = "whole input" if self.is_global(shapes) else "exact"
        return Reach(h, w, worst(x.status, hs, ws, status), x.alike)

    @staticmethod
    def _axis(axis: Axis, n: int, size: int) -> tuple[Axis, Status]:
        if n % size == 0:
            return axis.window(n // size, n // size, 1, 0), "exact"
        # the stride n/size is not a whole number: take the hull over all bins, each relative to its nominal start
        starts = [i * n // size - Fraction(i * n, size) for i in range(size)]
        ends = [-(-(i + 1) * n // size) - 1 - Fraction(i * n, size) for i in range(size)]
        lo, hi = axis.lo + axis.stride * min(starts), axis.hi + axis.stride * max(ends)
        return Axis(axis.stride * Fraction(n, size), lo, hi, axis.least + axis.stride * (n // size - 1)), "upper bound"

    def is_global(self, inputs: Shapes) -> bool:
        return self.size == (1, 1)

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        if self.maximum:
            return Kept((0,), indices=self.shape(inputs).elements)
        return Kept((0,) * (self.size != (1, 1)))  # torch computes a global average as a mean, which saves nothing

    def describe(self) -> str:
        kind = "max" if self.maximum else "avg"
        return f"global {kind} pool" if self.size == (1, 1) else f"adaptive {kind} pool {by(self.size)}"
