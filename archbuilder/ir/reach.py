"""Receptive fields as intervals: which input pixels an output unit can see.

Per axis, output unit u sees the input pixels stride*u + lo ... stride*u + hi, padding included.
Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Literal, NamedTuple

Pixels = int | Fraction  # fractions occur only after upsampling

FARTHEST = 10**12  # pixels

Status = Literal["exact", "whole input", "upper bound", "unknown"]
_RANK: tuple[Status, ...] = ("exact", "whole input", "upper bound", "unknown")


class Axis(NamedTuple):
    """The field along one axis, in input pixels.

    `least` is the size along the shortest path; with a skip, paths have different receptive fields.
    """

    stride: Pixels = 1
    lo: Pixels = 0
    hi: Pixels = 0
    least: Pixels = 1

    @property
    def size(self) -> int:
        return ceil(self.hi - self.lo + 1)

    def centre(self, unit: int = 0) -> float:
        """The middle of what a unit sees, in input pixels."""
        return float(self.stride * unit + Fraction(self.lo + self.hi) / 2)

    def window(self, kernel: int, stride: int, dilation: int, lead: int) -> Axis:
        """The field after a conv or pool; `lead` is the padding before the first pixel."""
        span = dilation * (kernel - 1)
        return Axis(
            self.stride * stride,
            self.lo - self.stride * lead,
            self.hi + self.stride * (span - lead),
            self.least + self.stride * span,
        )

    def hull(self, other: Axis) -> Axis:
        """The smallest interval that contains both, for two paths of equal stride; an upper bound if the strides
        differ."""
        return Axis(
            max(self.stride, other.stride), min(self.lo, other.lo), max(self.hi, other.hi), min(self.least, other.least)
        )


class Reach(NamedTuple):
    """The field along both axes, and the status of these numbers.

    `exact`: every unit sees exactly this hull. `whole input`: some op on the way looks at the whole map (a global pool,
    a norm over space, a linear layer); the axes count this only for the output of such a pool, not for gates. `upper
    bound`: the field depends on the position. `unknown`. `alike`: whether every channel has this field; after
    concatenating different branches some may see less.
    """

    h: Axis = Axis()
    w: Axis = Axis()
    status: Status = "exact"
    alike: bool = True

    @property
    def size(self) -> tuple[int, int]:
        return (self.h.size, self.w.size)

    @property
    def least(self) -> tuple[int, int]:
        """The size along the shortest path."""
        return (ceil(self.h.least), ceil(self.w.least))

    @property
    def stride(self) -> tuple[Pixels, Pixels]:
        return (self.h.stride, self.w.stride)

    def window(
        self,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        lead: tuple[int, int] = (0, 0),
    ) -> Reach:
        """The field after a conv or pool; every pair is (height, width)."""
        return self._replace(
            h=self.h.window(kernel[0], stride[0], dilation[0], lead[0]),
            w=self.w.window(kernel[1], stride[1], dilation[1], lead[1]),
        )

    @property
    def is_beyond(self) -> bool:
        """Whether a number is larger than in any image: strides multiply, and upsampling divides them."""
        numbers = (*self.h, *self.w)
        if max(numbers) > FARTHEST or min(numbers) < -FARTHEST:
            return True
        return any(n.denominator > FARTHEST for n in numbers if type(n) is not int)

    def at_least(self, status: Status) -> Reach:
        """The same field with a status no better than the given one."""
        return self._replace(status=worst(self.status, status))


def worst(*statuses: Status) -> Status:
    """The least certain of several statuses."""
    return max(statuses, key=_RANK.index)
