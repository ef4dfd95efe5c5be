"""What random networks are drawn from, and the account that is kept of the map while one is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Pair = tuple[int, int]
Window = tuple[Pair, Pair, Pair, Pair]  # kernel, stride, dilation, padding in all


class Choices(Protocol):
    """The source of the decisions of a random network."""

    def among(self, options: Sequence[T]) -> T: ...


class Drawn:
    """Decisions of a Hypothesis strategy, so that a failing network shrinks."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self._draw = draw

    def among(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))


class Seeded:
    """Decisions of a seeded generator."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def among(self, options: Sequence[T]) -> T:
        return options[self._random.randrange(len(options))]


@dataclass(frozen=True)
class Map:
    """The current map: channels, size, stride, and how many pixels its units see, all roughly."""

    c: int
    size: Pair
    stride: Pair = (1, 1)
    field: int = 1
    halved: bool = True  # every step so far made ceil(n / stride) of n, as a padded 1x1 conv does

    def over(self, before: Map) -> Pair:
        """The strides since an earlier map."""
        return (self.stride[0] // before.stride[0], self.stride[1] // before.stride[1])

    def window(self, kernel: Pair, stride: Pair, dilation: Pair, pads: Pair, ceil: bool = False) -> Map | None:
        """The map after a window has slid over it, None where it does not fit."""
        spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        if any(n + p <= span for n, p, span in zip(self.size, pads, spans, strict=True)):
            return None
        sides = list(zip(self.size, pads, spans, stride, strict=True))
        size = tuple((n + p - t - 1) // s + 1 for n, p, t, s in sides)
        if ceil:  # one more where it hangs over the end, but does not begin behind the map
            more = [(n + p - t - 1) % s > 0 and c * s < n + p // 2 for (n, p, t, s), c in zip(sides, size, strict=True)]
            size = tuple(c + m for c, m in zip(size, more, strict=True))
        steps = (self.stride[0] * stride[0], self.stride[1] * stride[1])
        field = self.field + max(s * span for s, span in zip(self.stride, spans, strict=True))
        return Map(self.c, size, steps, field, self.halved and pads == tuple(spans))


@dataclass
class Named:
    """A block with a name: the maps that it took and gave, and the window of a conv."""

    name: str
    before: Map
    after: Map
    window: Window | None
