"""Which trials are trained further: the best of a rung, by Pareto fronts, and by validation accuracy within a front.

A rung is a number of epochs. Of all trials that have reached it so far, the best share is promoted, front by front: no
trial of the first front is dominated in accuracy and all costs, and so on; within a front the more accurate trial is
first. Optuna's pruners do not support several objectives, so this is our own implementation.

Source: Li et al., Massively Parallel Hyperparameter Tuning, 2020 (halving without waiting for a bracket).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import correlation

FACTOR = 3


@dataclass(frozen=True)
class Standing:
    """A trial at a rung: its accuracy in per cent, and its costs (less is better)."""

    number: int
    accuracy: float
    costs: tuple[float, ...] = ()

    def beats(self, other: Standing) -> bool:
        """Whether it dominates another: at least as good in everything, and better in something."""
        mine, theirs = (-self.accuracy, *self.costs), (-other.accuracy, *other.costs)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def front(standings: Sequence[Standing]) -> list[Standing]:
    """The trials that no other dominates, the most accurate first."""
    free = (one for one in standings if not any(other.beats(one) for other in standings))
    return sorted(free, key=lambda one: (-one.accuracy, one.costs, one.number))


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """All trials, front after front."""
    left, found = list(standings), list[Standing]()
    while left:
        found += front(left)
        left = [one for one in left if one not in found]
    return found


def rungs_of(epochs: int, factor: int = FACTOR, most: int = 3) -> list[int]:
    """The rungs for a run of `epochs` epochs: all of them, a third, a ninth."""
    return sorted({max(1, round(epochs / factor**power)) for power in range(most)})


class Halving:
    """The rungs of a search and the trials that reached them."""

    def __init__(self, rungs: Sequence[int], factor: int = FACTOR) -> None:
        self.rungs, self.factor = list(rungs), factor
        self.reached: list[dict[int, Standing]] = [{} for _ in rungs]

    def reach(self, rung: int, standing: Standing) -> None:
        self.reached[rung][standing.number] = standing

    def promoted(self, rung: int, numbers: Iterable[int]) -> list[int]:
        """Which of some trials at a rung are promoted to the next one."""
        if rung + 1 == len(self.rungs):
            return []
        best = ranked(self.reached[rung].values())[: ceil(len(self.reached[rung]) / self.factor)]
        chosen = {standing.number for standing in best}
        return [number for number in numbers if number in chosen]

    def agreement(self, rung: int) -> tuple[float, int] | None:
        """Spearman's rank correlation of a rung with the next one, and the number of trials; None if there are too
        few."""
        first, second = self.reached[rung], self.reached[rung + 1]
        both = sorted(first.keys() & second.keys())
        ranks = [_ranks([found[number].accuracy for number in both]) for found in (first, second)]
        if len(both) < 3 or any(len(set(each)) == 1 for each in ranks):
            return None
        return correlation(*ranks), len(both)


def _ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value; equal values share a rank."""
    return [sum(other < value for other in values) + (values.count(value) - 1) / 2 for value in values]
