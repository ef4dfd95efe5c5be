"""The cheapest edits that satisfy everything: single ones, then pairs, then larger sets.

The single edits that help are all tried, each by checking the edited text.  Their effects, added up, foretell
that of a set of them, which costs nothing to work out: only the sets that should satisfy everything are tried,
the cheapest first.  What turns out otherwise is extended from what was found.

What an edit costs, and so which of several is proposed first:

1. The number of edits.  A block changed is one edit, wherever it is used or repeated; so is a variable, and a
   stride that moves.  A warning that was not there before counts as one more edit, and so does a conv whose
   dilation steps further than its input sees: its units skip pixels.
2. The number of these doubts: two plain edits rather than one with a warning.
3. The relative change of parameters and of MACs, added.  What is lost counts twice: a network that shrinks has
   lost capacity, one that grows within its limits has not.
4. The largest dilation: small ones on coarse maps rather than large ones on fine maps.
5. The relative change of the receptive field: no more of it than is required.
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
    """The cost of so many edits that made one network another; of a text that cannot be analysed their number."""
    old, new = totals(before), totals(after)
    if old is None or new is None or before.facts is None or after.facts is None:
        return Cost(edits, 0, 0.0, 1, 0.0)
    doubts = new_warnings(before, after) + max(0, leaps(after.facts) - leaps(before.facts))
    return Cost(edits + doubts, doubts, _change(old, new), _largest_dilation(after.facts), _growth(old, new))


def new_warnings(before: Report, after: Report) -> int:
    """How many more warnings of each kind there are than before."""
    return (_warnings(after) - _warnings(before)).total()


def _warnings(report: Report) -> Counter[str]:
    return Counter(d.code.id for d in report.found if d.severity == "warning")


def leaps(facts: Facts) -> int:
    """How many blocks have a conv whose taps lie further apart than what a unit of its input sees."""
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

RULE = 0.5  # how far away a rule is that does not hold, beside bounds that are missed by a part of themselves


@dataclass(frozen=True)
class Trial:
    """A network after some moves.  `values` are those of the goals, `others` the errors that are no bounds."""

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
    """Tries moves on a text by checking what they make of it; counts the checks, and never makes one twice."""

    def __init__(self, base: Report, check: Check, goals: Goals) -> None:
        assert base.document is not None
        self.base = base
        self.source = Source(base.document.text, base.file)
        self.goals = goals
        self.checks = 0
        self._check = check
        self._known: dict[str, Trial | None] = {}

    def root(self) -> Trial:
        """The text as it is."""
        return self._trial((), self.source.text, self.base)

    def attempt(self, moves: tuple[Move, ...]) -> Trial | None:
        """The network after moves; None where they do not go together, or where it cannot be analysed."""
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
    """What a trial has, without its text: values of the goals, other errors, and what counts as its cost."""

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
        """What was found."""
        cost = trial.cost
        key, places = frozenset(map(id, trial.moves)), frozenset(place for move in trial.moves for place in move.places)
        distance = 0.0 if trial.ok else max(trial.distance, 1e-9)
        return cls(trial.moves, key, places, trial.values, trial.others, distance, *cost[:4])

    def and_then(self, single: Plan, root: Trial, goals: Goals) -> Plan:
        """The effects of both, added."""
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
        """The order of promise: near, then cheap."""
        return round(self.distance, 4), self.edits, self.doubts, self.change, self.dilation


MOST = 5  # proposals
ALIKE = 2  # of them made of the same kinds of edits, while there are others


@dataclass(frozen=True)
class Proposal:
    """Edits after which a file checks clean: its limits hold, and so do its rules.

    `title` says what they do; `text` is the edited text and `report` the check of it.  `before` are the totals
    without the edits (of the mended text where the file as it is cannot be analysed), None where there are none.
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
        """What to replace, in the order of the file."""
        return difference(self.source, self.text, self.report.file)

    @cached_property
    def diff(self) -> str:
        """The same as a unified diff."""
        return unified(self.source, self.text, self.report.file)


@dataclass(frozen=True)
class Suggestions:
    """What was found for one text, of which `report` is the check.

    `nearest` is what came nearest where there is no proposal; its own report says what is still missing.
    `checks` and `seconds` (of processor time) are what the search took; `notes` say what was left alone.
    """

    report: Report
    proposals: tuple[Proposal, ...] = ()
    nearest: Proposal | None = None
    checks: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def choose(trials: Iterable[Trial], most: int = MOST) -> list[Trial]:
    """The cheapest trials, but no more than a few by the same kinds of edits while there are others.

    Of those that differ only in a number the cheapest is enough."""
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
    """The trial, or a cheaper one that is as good: fewer channels lost, less dilation."""
    for number, move in enumerate(trial.moves):
        if move.at is not None:
            trial = _nearer(trials, trial, number, move)
    return trial


def _nearer(trials: Trials, trial: Trial, number: int, move: Move) -> Trial:
    """Halve the way between the old number, which is not enough, and one that is."""
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


# the time that this thread has worked; a browser has one thread, and no clock for it
_clock = getattr(time, "thread_time", time.perf_counter)


class Search:
    """A search from one network; `tried` are the trials of all sets that could be analysed."""

    def __init__(self, trials: Trials, moves: Sequence[Move], budget: Budget) -> None:
        self.trials = trials
        self.moves = moves
        self.budget = budget
        self.root = trials.root()
        self.tried: list[Trial] = []
        self.singles: dict[int, Plan] = {}  # what each move does that was measured, by its number
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
        """Every measured move on top of each plan that comes nearer by it, the most promising first."""
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
        """Try the plans that should do, and a few others; what is left to extend, as far as it is known by now."""
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
    """The kinds of moves in turn, so that a short budget is spent on all of them; of every ladder first the weakest."""
    kinds: dict[str, list[tuple[int, int]]] = {}
    steps: Counter[str] = Counter()
    for number in sorted(numbers, key=lambda number: (moves[number].step, number)):
        move = moves[number]
        kinds.setdefault(move.kind, []).append((steps[move.ladder] if move.ladder else 0, number))
        steps[move.ladder] += 1
    for turn in zip_longest(*(sorted(kind) for kind in kinds.values())):
        yield from (step[1] for step in turn if step is not None)
