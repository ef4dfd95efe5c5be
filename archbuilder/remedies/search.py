"""The cheapest edits that satisfy everything: single ones, then pairs, then larger sets.

The single edits that help are all tried, each by checking the edited text.  Their effects, added up, foretell
that of a set of them, which costs nothing to work out: only the sets that should satisfy everything are tried,
the cheapest first.  What turns out otherwise is extended from what was found.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from archbuilder.remedies.moves import Move
from archbuilder.remedies.plan import Plan
from archbuilder.remedies.trial import Laboratory, Trial

BEAM = 24  # sets that are extended by one edit more
WIDTH = 40  # of the sets that should do, so many are tried
PROBES = 4  # and of those that come near, to know what is really missing
ENOUGH = 3  # sets that satisfy everything, so that larger ones are not looked for


@dataclass(frozen=True)
class Budget:
    """How much is tried: `seconds` of this thread's processor time, checks, and moves in one proposal."""

    seconds: float = 2.0
    checks: int = 500
    moves: int = 6


class Search:
    """A search from one network; `tried` are the trials of all sets that could be analysed."""

    def __init__(self, laboratory: Laboratory, moves: Sequence[Move], budget: Budget) -> None:
        self.laboratory = laboratory
        self.moves = moves
        self.budget = budget
        self.root = laboratory.root()
        self.tried: list[Trial] = []
        self.singles: dict[int, Plan] = {}  # what each move does that was measured, by its number
        self._measured: set[int] = set()
        self._started = time.thread_time()

    @property
    def seconds(self) -> float:
        return time.thread_time() - self._started

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.laboratory.checks >= self.budget.checks or self.seconds > self.budget.seconds

    @property
    def found(self) -> list[Trial]:
        """The trials that satisfy everything, cheapest first."""
        return sorted((trial for trial in self.tried if trial.ok), key=lambda trial: trial.cost)

    @property
    def nearest(self) -> Trial:
        """The network that misses least, the cheapest of several; it may be the one there was."""
        return min([self.root, *self.tried], key=lambda trial: (round(trial.distance, 6), trial.cost))

    def run(self) -> list[Trial]:
        """The trials that satisfy everything, cheapest first."""
        self._measure([Plan.of(self.root)])
        plans = list(self.singles.values())
        for size in range(2, self.budget.moves + 1):
            if self.spent or sum(trial.cost.edits < size for trial in self.found) >= ENOUGH:
                break
            beam = sorted((plan for plan in plans if plan.distance), key=Plan.rank)[:BEAM]
            self._measure(beam)
            plans = self._attempt(self._extended(beam))
        return self.found

    def _measure(self, plans: Iterable[Plan]) -> None:
        """Try the single moves that help any of these networks, the kinds in turn; of a ladder up to what is enough."""
        needs = {(self.laboratory.goals.needs(plan.values), bool(plan.others)) for plan in plans}
        wanted = [
            number
            for number, move in enumerate(self.moves)
            if number not in self._measured and any(move.helps(*need) for need in needs)
        ]
        enough: set[str] = set()
        for number in _in_turn(wanted, self.moves):
            move = self.moves[number]
            if self.spent or (move.ladder and move.ladder in enough):
                continue
            self._measured.add(number)
            trial = self._try((move,))
            if trial is not None:
                self.singles[number] = Plan.of(trial)
                if trial.ok:
                    enough.add(move.ladder)

    def _extended(self, beam: Iterable[Plan]) -> list[Plan]:
        """Every measured move on top of each plan that comes nearer by it, the most promising first."""
        plans: dict[frozenset[int], Plan] = {}
        root, goals = self.root, self.laboratory.goals
        for plan in beam:
            for single in self.singles.values():
                if plan.places.isdisjoint(single.places) and (key := plan.key | single.key) not in plans:
                    both = plan.and_then(single, root, goals)
                    if both.distance < plan.distance:
                        plans[key] = both
        return sorted(plans.values(), key=Plan.rank)

    def _attempt(self, plans: Sequence[Plan]) -> list[Plan]:
        """Try the plans that should do, and a few others; what is left to extend, as far as it is known by now."""
        complete = sum(plan.distance == 0 for plan in plans)
        tries = [*plans[: min(complete, WIDTH)], *plans[complete : complete + PROBES]]
        tried = [trial for plan in tries if (trial := self._try(plan.moves))]
        return [*(Plan.of(trial) for trial in tried if not trial.ok), *plans[complete + PROBES :]]

    def _try(self, moves: tuple[Move, ...]) -> Trial | None:
        trial = None if self.spent else self.laboratory.attempt(moves)
        if trial is not None:
            self.tried.append(trial)
        return trial


def _in_turn(numbers: Iterable[int], moves: Sequence[Move]) -> Iterator[int]:
    """The kinds of moves in turn, so that a short budget is spent on all of them; of every ladder first the weakest."""
    kinds: dict[str, list[tuple[int, int]]] = {}
    steps: Counter[str] = Counter()
    for number in sorted(numbers, key=lambda number: (moves[number].step, number)):
        move = moves[number]
        kinds.setdefault(move.kind, []).append((steps[move.ladder] if move.ladder else 0, number))
        steps[move.ladder] += 1
    for turn in zip_longest(*(sorted(kind) for kind in kinds.values())):
        yield from (step[1] for step in turn if step is not None)
