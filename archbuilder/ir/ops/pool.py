"""Pooling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from archbuilder.diagnostics import declare
from archbuilder.ir.op import Op, OpError, a_map, by
from archbuilder.ir.ops.window import slide
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes

POOL_PADDING = declare("AB307", "a pool padded by more than half its window")


class WindowPool(Op):
    """A pool whose window slides over the map.  Its fields are (height, width) in pixels."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            message = f"padding {by(self.padding)} is more than half of the kernel {by(self.kernel)}"
            raise OpError(POOL_PADDING, message, "pad a pool by at most kernel // 2", "padding")
        return Shape(x.c, *slide(x, self.kernel, self.stride, self.dilation, self.padding))

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        reach = inputs[0].window(self.kernel, self.stride, self.dilation, self.padding)
        return reach.at_least("whole input") if self.is_global(shapes) else reach

    def is_global(self, inputs: Shapes) -> bool:
        """Whether the window is the whole map, so that the pool is a global one."""
        (x,) = inputs
        window = (x.h, x.w)
        return self.kernel == window and window != (1, 1) and self.padding == (0, 0) and self.dilation == (1, 1)


@final
@dataclass(frozen=True)
class AvgPool2d(WindowPool):
    """Average over a window; padding counts as zeros.

    Shapes:  (c, h, w) -> (c, h', w'), h' = (h + 2p - k) // s + 1.
    Errors:  AB302 the window exceeds the padded map; AB307 padding over half the window.
    Source:  torch.nn.AvgPool2d.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)

    def describe(self) -> str:
        return f"avg pool {by(self.kernel)} s{by(self.stride)}"


@final
@dataclass(frozen=True)
class MaxPool2d(WindowPool):
    """Maximum over a window; padding never wins.

    Shapes:  (c, h, w) -> (c, h', w'), h' = (h + 2p - d(k-1) - 1) // s + 1.
    Errors:  AB302 the window exceeds the padded map; AB307 padding over half the window.
    Source:  torch.nn.MaxPool2d.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    def describe(self) -> str:
        return f"max pool {by(self.kernel)} s{by(self.stride)}"


@final
@dataclass(frozen=True)
class GlobalAvgPool(Op):
    """Average over the whole map, whatever its size.

    Shapes:  (c, h, w) -> (c, 1, 1).
    Source:  torch.nn.AdaptiveAvgPool2d(1).
    """

    def shape(self, inputs: Shapes) -> Shape:
        return Shape(a_map(inputs).c, 1, 1)

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        window = (shapes[0].h, shapes[0].w)
        return inputs[0].window(window, window).at_least("whole input")

    def is_global(self, inputs: Shapes) -> bool:
        return True

    def describe(self) -> str:
        return "global avg pool"
