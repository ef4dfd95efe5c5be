"""Upsampling."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import final

from archbuilder.ir.op import Kept, Op, a_map, by
from archbuilder.ir.reach import Axis, Reach
from archbuilder.ir.shape import Shape, Shapes


@final
@dataclass(frozen=True, eq=False, repr=False)
class Upsample(Op):
    """Enlarges a map by whole factors, by repeating pixels or by bilinear interpolation.

    Shapes:  (c, h, w) -> (c, h*fy, w*fx).
    Source:  torch.nn.Upsample (align_corners=False).

    The field depends on the position; the result is the hull over all positions, an upper bound.
    """

    factor: tuple[int, int]
    bilinear: bool = False

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        return Shape(x.c, x.h * self.factor[0], x.w * self.factor[1])

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        (x,) = inputs
        h, w = (self._axis(axis, factor) for axis, factor in zip((x.h, x.w), self.factor, strict=True))
        return Reach(h, w, x.status, x.alike).at_least("upper bound" if self.factor != (1, 1) else "exact")

    def _axis(self, axis: Axis, factor: int) -> Axis:
        if factor == 1:
            return axis
        # unit u looks at input units between u/f - 1 + 1/f and u/f; interpolation adds its neighbours
        stride = Fraction(axis.stride) / factor
        more = axis.stride * self.bilinear
        lo = axis.lo - axis.stride + stride - more
        return Axis(stride, lo, axis.hi + more, axis.least)

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept()

    def describe(self) -> str:
        return f"upsample {by(self.factor)}{' bilinear' if self.bilinear else ''}"
