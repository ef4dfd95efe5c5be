"""One edited text, checked: what it misses, and what the edits cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archbuilder.pipeline import Report
from archbuilder.remedies.cost import Cost, cost_of
from archbuilder.remedies.goals import BOUNDS, Goals
from archbuilder.remedies.moves import Move
from archbuilder.remedies.source import Overlap, Source, splice

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


class Laboratory:
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
