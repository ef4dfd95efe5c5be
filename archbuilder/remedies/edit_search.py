"""The cheapest edits that satisfy everything: single ones, then pairs, then larger sets.

All helpful single edits are tried, each by checking the edited text. The sum of their effects predicts the effect of a
set of edits at no cost, so only sets that should satisfy everything are tried, the cheapest first. If the prediction
was wrong, the search continues from the measured result.

The cost of edits, which decides their order:

1. The number of edits.  A changed block is one edit, however often it is used or repeated; so is a variable, and
   a moved stride.  A new warning counts as one more edit, and so does a conv whose dilation is larger than the
   field of its input, because its units skip pixels.
2. The number of these doubts: two plain edits are better than one with a warning.
3. The relative changes of parameters and of MACs, added.  A decrease counts twice: a smaller network has lost
   capacity, one that grows within its limits has not.
4. The largest dilation: small ones on small maps are better than large ones on large maps.
5. The relative change of the receptive field: no more than required.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import NamedTuple

from archbuilder.analysis.facts import Facts
from archbuilder.ir.ops import Conv2d
from archbuilder.pipeline import Report
from archbuilder.remedies.edits import Edit, Overlap, Source, difference, splice, unified
from archbuilder.remedies.moves import Move
from archbuilder.remedies.moves.channels import step
from archbuilder.remedies.requirements import BOUNDS, Goals, Totals, totals

LOSS = 2.0


class Cost(NamedTuple):
    """Compared in this order; see the head of this file."""

    edits: int
    doubts: int
    change: float
    dilation: int
    growth: float


def cost_of(edits: int, before: Report, after: Report) -> Cost:
    """The cost of `edits` edits from one network to another; only their number if the result cannot be analysed."""
    old, new = totals(before), totals(after)
    if old is None or new is None or before.facts is None or after.facts is None:
        return Cost(edits, 0, 0.0, 1, 0.0)
    doubts = new_warnings(before, after) + max(0, leaps(after.facts) - leaps(before.facts))
    return Cost(edits + doubts, doubts, _change(old, new), _largest_dilation(after.facts), _growth(old, new))


def new_warnings(before: Report, after: Report) -> int:
    """The number of new warnings, summed over all kinds."""
    return (_warnings(after) - _warnings(before)).total()


def _warnings(report: Report) -> Counter[str]:
    return Counter(d.code.id for d in report.found if d.severity == "warning")


def leaps(facts: Facts) -> int:
    """The number of blocks with a conv whose dilation is larger than the field of its input."""
    places = set()
    for node, op in facts.nodes_of(Conv2d):
        reach = facts.reaches[node.inputs[0]]
        for dilation, kernel, axis in zip(op.dilation, op.kernel, (reach.h, reach.w), strict=True):
            if kernel > 1 and dilation > 1 and dilation * axis.stride > axis.size:
                places.add(node.span)
    return len(places)


def _largest_dilation(facts: Facts) -> int:
    return max((max(op.dilation) for _, op in facts.nodes_of(Conv2d) if max(op.kernel) > 1), default=1)


def _change(old: Totals, new: Totals) -> float:
    return round(_relative(old.params, new.params) + _relative(old.macs, new.macs), 9)


def _relative(old: int, new: int) -> float:
    by = (new - old) / max(old, 1)
    return by if by > 0 else LOSS * abs(by)


def _growth(old: Totals, new: Totals) -> float:
    if old.receptive_field is None or new.receptive_field is None:
        return 0.0
    return round(abs(sum(new.receptive_field) / sum(old.receptive_field) - 1), 9)


Check = Callable[[str], Report]

RULE = 0.5  # distance of a missed rule, comparable with the relative distance of a missed bound


@dataclass(frozen=True)
class Trial:
    """A network after some moves. `values` are those of the bounds, `others` the errors that are not about bounds."""

    moves: tuple[Move, ...]
    text: str
    report: Report
    values: tuple[int, ...]
    others: frozenset[tuple[str, str]]
    distance: float
    cost: Cost

    @property
    def ok(self) -> bool:
        return self.report.ok


class Trials:
    """Tries moves by checking the edited text; counts the checks, and never checks the same text twice."""

    def __init__(self, base: Report, check: Check, goals: Goals) -> None:
        assert base.document is not None
        self.base = base
        self.source = Source(base.document.text, base.file)
        self.goals = goals
        self.checks = 0
        self._check = check
        self._known: dict[str, Trial | None] = {}

    def root(self) -> Trial:
        """The unchanged text."""
        return self._trial((), self.source.text, self.base)

    def attempt(self, moves: tuple[Move, ...]) -> Trial | None:
        """The network after moves; None if they exclude each other, or if it cannot be analysed."""
        try:
            text = splice(self.source.text, [patch for move in moves for patch in move.patches])
        except Overlap:
            return None
        if text not in self._known:
            self.checks += 1
            report = self._check(text)
            self._known[text] = self._trial(moves, text, report) if report.facts else None
        return self._known[text]

    def _trial(self, moves: tuple[Move, ...], text: str, report: Report) -> Trial:
        assert report.facts is not None
        values = self.goals.values(report.facts)
        others = frozenset((d.code.id, d.message) for d in report.errors if d.code.id not in BOUNDS)
        distance = self.goals.distance(values) + RULE * len(others)
        cost = cost_of(sum(move.count for move in moves), self.base, report)
        return Trial(moves, text, report, values, others, distance, cost)


@dataclass(frozen=True)
class Plan:
    """A predicted trial, without its text: values of the bounds, other errors, and its cost."""

    moves: tuple[Move, ...]
    key: frozenset[int]
    places: frozenset[int]
    values: tuple[int, ...]
    others: frozenset[tuple[str, str]]
    distance: float
    edits: int
    doubts: int
    change: float
    dilation: int

    @classmethod
    def of(cls, trial: Trial) -> Plan:
        """The plan of a measured trial."""
        cost = trial.cost
        key, places = frozenset(map(id, trial.moves)), frozenset(place for move in trial.moves for place in move.places)
        distance = 0.0 if trial.ok else max(trial.distance, 1e-9)
        return cls(trial.moves, key, places, trial.values, trial.others, distance, *cost[:4])

    def and_then(self, single: Plan, root: Trial, goals: Goals) -> Plan:
        """The sum of the effects of both."""
        values = tuple(a + b - c for a, b, c in zip(self.values, single.values, root.values, strict=True))
        others = (self.others - (root.others - single.others)) | (single.others - root.others)
        return Plan(
            (*self.moves, *single.moves),
            self.key | single.key,
            self.places | single.places,
            values,
            others,
            goals.distance(values) + RULE * len(others),
            self.edits + single.edits,
            self.doubts + single.doubts,
            self.change + single.change,
            max(self.dilation, single.dilation),
        )

    def rank(self) -> tuple[float, ...]:
        """The order in which plans are extended: first by distance, then by cost."""
        return round(self.distance, 4), self.edits, self.doubts, self.change, self.dilation


MOST = 5  # proposals
ALIKE = 2  # proposals with the same kinds of edits, as long as there are others


@dataclass(frozen=True)
class Proposal:
    """Edits after which a file checks clean: its limits hold, and so do its rules.

    `title` describes them; `text` is the edited text and `report` its check. `before` are the totals without the edits
    (of the fixed text if the file itself cannot be analysed), or None.
    """

    title: str
    source: str  # the text that is edited
    text: str
    report: Report
    before: Totals | None
    after: Totals | None
    cost: Cost

    @cached_property
    def edits(self) -> tuple[Edit, ...]:
        """The replacements, in the order of the file."""
        return difference(self.source, self.text, self.report.file)

    @cached_property
    def diff(self) -> str:
        """The edits as a unified diff."""
        return unified(self.source, self.text, self.report.file)


@dataclass(frozen=True)
class Suggestions:
    """The result for one text; `report` is its check.

    `nearest` is the closest result if there is no proposal; its own report says what is still missing.
    `checks` and `seconds` (of processor time) are the cost of the search; `notes` say what was not edited.
    """

    report: Report
    proposals: tuple[Proposal, ...] = ()
    nearest: Proposal | None = None
    checks: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def choose(trials: Iterable[Trial], most: int = MOST) -> list[Trial]:
    """The cheapest trials, but only a few with the same kinds of edits as long as there are others.

    Of trials that differ only in a number, only the cheapest is kept."""
    ranked: dict[tuple[object, ...], Trial] = {}
    for trial in sorted(trials, key=lambda trial: trial.cost):
        ranked.setdefault(tuple(sorted((move.kind, *sorted(move.places)) for move in trial.moves)), trial)
    seen: dict[tuple[str, ...], int] = {}
    first: list[Trial] = []
    others: list[Trial] = []
    for trial in ranked.values():
        kinds = tuple(sorted(move.kind for move in trial.moves))
        seen[kinds] = seen.get(kinds, 0) + 1
        (first if seen[kinds] <= ALIKE else others).append(trial)
    return sorted([*first, *others][:most], key=lambda trial: trial.cost)


CHECKS = 5  # for each number


def refine(trials: Trials, trial: Trial) -> Trial:
    """The trial, or a cheaper one that also satisfies everything: fewer channels lost, a smaller dilation."""
    for number, move in enumerate(trial.moves):
        if move.at is not None:
            trial = _nearer(trials, trial, number, move)
    return trial


def _nearer(trials: Trials, trial: Trial, number: int, move: Move) -> Trial:
    """Bisect between the old number, which is not sufficient, and one that is."""
    assert move.at is not None
    grid = step(move.old) if move.kind == "channels" else 1
    bad, good = move.old, move.value
    for _ in range(CHECKS):
        middle = bad + (good - bad) // (2 * grid) * grid if good > bad else bad - (bad - good) // (2 * grid) * grid
        if middle in (bad, good) or (other := move.at(middle)) is None:
            break
        moves = (*trial.moves[:number], other, *trial.moves[number + 1 :])
        nearer = trials.attempt(moves)
        if nearer is not None and nearer.ok and nearer.cost <= trial.cost:
            trial, good = nearer, middle
        else:
            bad = middle
    return trial


BEAM = 24  # number of sets that are extended by one more edit
WIDTH = 40  # number of promising sets that are tried
PROBES = 4  # and of sets that come close, to measure what is really missing
ENOUGH = 3  # with so many valid sets, larger ones are not searched


@dataclass(frozen=True)
class Budget:
    """The bounds of a search: `seconds` of this thread's processor time, checks, and moves in one proposal."""

    seconds: float = 2.0
    checks: int = 500
    moves: int = 6


# processor time of this thread; a browser has only one thread, and no such clock
_clock = getattr(time, "thread_time", time.perf_counter)


class Search:
    """A search from one network; `tried` are the trials of all sets that could be analysed."""

    def __init__(self, trials: Trials, moves: Sequence[Move], budget: Budget) -> None:
        self.trials = trials
        self.moves = moves
        self.budget = budget
        self.root = trials.root()
        self.tried: list[Trial] = []
        self.singles: dict[int, Plan] = {}  # the effect of each measured move, by its number
        self._measured: set[int] = set()
        self._started = _clock()

    @property
    def seconds(self) -> float:
        return _clock() - self._started

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.trials.checks >= self.budget.checks or self.seconds > self.budget.seconds

    @property
    def found(self) -> list[Trial]:
        """The trials that satisfy everything, cheapest first."""
        return sorted((trial for trial in self.tried if trial.ok), key=lambda trial: trial.cost)

    @property
    def nearest(self) -> Trial:
        """The network that misses least, or the cheapest of several; possibly the original one."""
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
        """Try the single moves that help any of these networks, alternating between kinds; a ladder only up to the
        first sufficient one."""
        needs = {(self.trials.goals.needs(plan.values), bool(plan.others)) for plan in plans}
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
        """Extend each plan by every measured move that brings it closer, the most promising first."""
        plans: dict[frozenset[int], Plan] = {}
        root, goals = self.root, self.trials.goals
        for plan in beam:
            for single in self.singles.values():
                if plan.places.isdisjoint(single.places) and (key := plan.key | single.key) not in plans:
                    both = plan.and_then(single, root, goals)
                    if both.distance < plan.distance:
                        plans[key] = both
        return sorted(plans.values(), key=Plan.rank)

    def _attempt(self, plans: Sequence[Plan]) -> list[Plan]:
        """Try the promising plans and a few others; returns the plans to extend further, with measured effects if
        known."""
        complete = sum(plan.distance == 0 for plan in plans)
        tries = [*plans[: min(complete, WIDTH)], *plans[complete : complete + PROBES]]
        tried = [trial for plan in tries if (trial := self._try(plan.moves))]
        return [*(Plan.of(trial) for trial in tried if not trial.ok), *plans[complete + PROBES :]]

    def _try(self, moves: tuple[Move, ...]) -> Trial | None:
        trial = None if self.spent else self.trials.attempt(moves)
        if trial is not None:
            self.tried.append(trial)
        return trial


def _in_turn(numbers: Iterable[int], moves: Sequence[Move]) -> Iterator[int]:
    """Alternate between the kinds of moves, so that a short budget covers all of them; weakest of each ladder first."""
    kinds: dict[str, list[tuple[int, int]]] = {}
    steps: Counter[str] = Counter()
    for number in sorted(numbers, key=lambda number: (moves[number].step, number)):
        move = moves[number]
        kinds.setdefault(move.kind, []).append((steps[move.ladder] if move.ladder else 0, number))
        steps[move.ladder] += 1
    for turn in zip_longest(*(sorted(kind) for kind in kinds.values())):
        yield from (step[1] for step in turn if step is not None)
