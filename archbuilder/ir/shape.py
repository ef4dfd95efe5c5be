"""Shapes of values, without the batch axis."""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """A map of c channels, h rows and w columns, or (`flat`) a vector of c features."""

    c: int
    h: int = 1
    w: int = 1
    flat: bool = False

    @property
    def elements(self) -> int:
        return self.c * self.h * self.w

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions as torch has them: (c, h, w), or (c,) for a vector."""
        return (self.c,) if self.flat else (self.c, self.h, self.w)

    def __str__(self) -> str:
        return str(self.c) if self.flat else f"{self.c}x{self.h}x{self.w}"


Shapes = tuple[Shape, ...]
