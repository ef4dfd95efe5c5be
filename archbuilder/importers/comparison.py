"""Two tensors side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Comparison:
    """The largest difference between two values over several batches, and the largest value."""

    what: str
    difference: float
    largest: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.difference <= self.tolerance * max(1.0, self.largest)  # False for nan


def compare(what: str, pairs: Iterable[tuple[Tensor, Tensor]], tolerance: float) -> Comparison:
    """Hold (theirs, ours) of equal shapes against each other.  Raises ValueError where theirs is not finite."""
    difference = largest = 0.0
    for theirs, ours in pairs:
        if not theirs.isfinite().all():
            raise ValueError(f"the module's own {what} are not finite")
        gap = (ours - theirs).abs().max()
        difference = max(difference, float(gap)) if not gap.isnan() else float("nan")
        largest = max(largest, float(theirs.abs().max()))
    return Comparison(what, difference, largest, tolerance)
