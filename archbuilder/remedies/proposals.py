"""What is proposed: edits with their effect, and what was found out on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from archbuilder.pipeline import Report
from archbuilder.remedies.cost import Cost
from archbuilder.remedies.goals import Totals
from archbuilder.remedies.source import Edit, difference, unified
from archbuilder.remedies.trial import Trial

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
