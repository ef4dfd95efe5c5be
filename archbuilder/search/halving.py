"""Who is trained further: the best of a rung by validation accuracy within its fronts.

A rung is a number of epochs.  Of all that have come to it so far the best part is promoted, by fronts: nothing in the
first one is beaten in accuracy and all costs at once by anything, and so on; within a front the more accurate is first.
Optuna's pruners refuse several objectives, so this is our own.

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
    """A trial at a rung: its accuracy in per cent, and its costs, of which less is better."""

    number: int
    accuracy: float
    costs: tuple[float, ...] = ()

    def beats(self, other: Standing) -> bool:
        """As good in everything, and better in something."""
        mine, theirs = (-self.accuracy, *self.costs), (-other.accuracy, *other.costs)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def front(standings: Sequence[Standing]) -> list[Standing]:
    """Those that none beats, the most accurate first."""
    free = (one for one in standings if not any(other.beats(one) for other in standings))
    return sorted(free, key=lambda one: (-one.accuracy, one.costs, one.number))


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """Front after front."""
    left, found = list(standings), list[Standing]()
    while left:
        found += front(left)
        left = [one for one in left if one not in found]
    return found


def rungs_of(epochs: int, factor: int = FACTOR, most: int = 3) -> list[int]:
    """The epochs at which a run of so many is looked at: all of them, a third of that, a ninth."""
    return sorted({max(1, round(epochs / factor**power)) for power in range(most)})


class Halving:
    """The rungs of a search, as far as it has come."""

    def __init__(self, rungs: Sequence[int], factor: int = FACTOR) -> None:
        self.rungs, self.factor = list(rungs), factor
        self.reached: list[dict[int, Standing]] = [{} for _ in rungs]

    def reach(self, rung: int, standing: Standing) -> None:
        self.reached[rung][standing.number] = standing

    def promoted(self, rung: int, numbers: Iterable[int]) -> list[int]:
        """Which of some trials that have come to a rung go on to the next one."""
        if rung + 1 == len(self.rungs):
            return []
        best = ranked(self.reached[rung].values())[: ceil(len(self.reached[rung]) / self.factor)]
        chosen = {standing.number for standing in best}
        return [number for number in numbers if number in chosen]

    def agreement(self, rung: int) -> tuple[float, int] | None:
        """Spearman's rank correlation of a rung with the next one, and over how many trials; None for too few."""
        first, second = self.reached[rung], self.reached[rung + 1]
        both = sorted(first.keys() & second.keys())
        ranks = [_ranks([found[number].accuracy for number in both]) for found in (first, second)]
        if len(both) < 3 or any(len(set(each)) == 1 for each in ranks):
            return None
        return correlation(*ranks), len(both)


def _ranks(values: Sequence[float]) -> list[float]:
    """The place of each among all; equal ones share theirs."""
    return [sum(other < value for other in values) + (values.count(value) - 1) / 2 for value in values]
