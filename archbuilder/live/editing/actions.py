"""Quick fixes: the remedies of `archbuilder.remedies` as an editor takes them.

A hint that is a single edit is tried before it is shown.  For a missed limit or rule the cheapest edits are searched
for, as `check --suggest` does, but only when the editor asks, and within a bound of time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from archbuilder.diagnostics import Diagnostic
from archbuilder.live.editing.buffer import Buffer
from archbuilder.pipeline import Report
from archbuilder.remedies import Budget, Fix, Proposal, Session, quick_fixes
from archbuilder.remedies.edits import Edit, Patches, splice
from archbuilder.remedies.show import effects

BUDGET = Budget(seconds=0.7, checks=200)  # less than the command has: somebody waits, and goes on typing


@dataclass(frozen=True)
class Action:
    """Edits that mend a finding, and what they do in a few words; `preferred` where they are the obvious ones."""

    title: str
    patches: Patches
    preferred: bool


class Remedies:
    """What can be done about the findings of one text, worked out when it is first asked for.

    session: what the text is checked with, where that is more than itself."""

    def __init__(self, buffer: Buffer, report: Report, session: Session | None = None) -> None:
        self.buffer = buffer
        self.report = report
        self.session = session or Session(buffer.name, buffer.text)

    def of(self, finding: Diagnostic, search: bool = True) -> Iterator[Action]:
        """The edits that are known to mend a finding, and those that a search finds where it is a missed limit."""
        if not self.buffer.has(finding):
            return
        for fix in self._fixes:
            if fix.diagnostic == finding and self._mends(fix):
                yield self._action(fix.title, fix.edits, preferred=not fix.guess)
        if search and finding.code.verdict:
            for number, proposal in enumerate(self._proposals):
                yield self._action(_title(proposal), proposal.edits, preferred=number == 0)

    @cached_property
    def _fixes(self) -> list[Fix]:
        return quick_fixes(self.report)

    @cached_property
    def _proposals(self) -> tuple[Proposal, ...]:
        """The cheapest edits after which every limit and rule holds."""
        return self.session.run(BUDGET, self.report).proposals

    def _action(self, title: str, edits: tuple[Edit, ...], preferred: bool) -> Action:
        return Action(title[:1].upper() + title[1:], self.buffer.source.patches(edits), preferred)

    def _mends(self, fix: Fix) -> bool:
        """Whether a finding is gone, no other of its kind is in its place, and the file is no worse than before.

        What only shows once it is gone (a field of a block whose name was wrong) does not count against a fix, but
        none makes an error of a warning."""
        text = splice(self.buffer.text, self.buffer.source.patches(fix.edits))
        before, after = self.report, self.session.check(text)
        finding = fix.diagnostic
        instead = any(
            (d.code, d.span[:3]) == (finding.code, finding.span[:3]) and not _count(before, d) for d in after.found
        )
        worse = _broken(after) > _broken(before) or (before.ok and not after.ok)
        return not instead and not worse and _count(after, finding) < _count(before, finding)


def _title(proposal: Proposal) -> str:
    """What a proposal does, and what comes of it."""
    if not proposal.before or not proposal.after:
        return proposal.title
    changed = [each for each in effects(proposal.before, proposal.after) if "->" in each]
    return f"{proposal.title} ({', '.join(changed)})"


def _count(report: Report, finding: Diagnostic) -> int:
    """How many findings say the same, wherever."""
    return sum((d.code, d.message) == (finding.code, finding.message) for d in report.found)


def _broken(report: Report) -> int:
    return sum(d.code.id.startswith("AB0") for d in report.errors)
