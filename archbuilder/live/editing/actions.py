"""Quick fixes: the remedies of `archbuilder.remedies` as an editor takes them.

A hint that is a single edit is tested before it is shown. For a missed limit or rule the cheapest edits are searched,
as `check --suggest` does, but only on request and with a time limit.
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

BUDGET = Budget(seconds=0.7, checks=200)  # less than that of the command, because a user is waiting


@dataclass(frozen=True)
class Action:
    """Edits that fix a finding, with a short title; `preferred` if they are the obvious choice."""

    title: str
    patches: Patches
    preferred: bool


class Remedies:
    """The remedies for the findings of one text, computed on first use.

    session: how the text is checked, if there are more inputs than the text itself."""

    def __init__(self, buffer: Buffer, report: Report, session: Session | None = None) -> None:
        self.buffer = buffer
        self.report = report
        self.session = session or Session(buffer.name, buffer.text)

    def of(self, finding: Diagnostic, search: bool = True) -> Iterator[Action]:
        """The known fixes of a finding, and for a missed limit the edits found by a search."""
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
        """Whether the finding is gone, no other of its kind has replaced it, and the file is not worse than before.

        Problems that become visible only after the fix (a field of a block whose name was wrong) do not count against
        it, but a fix must not turn a warning into an error."""
        text = splice(self.buffer.text, self.buffer.source.patches(fix.edits))
        before, after = self.report, self.session.check(text)
        finding = fix.diagnostic
        instead = any(
            (d.code, d.span[:3]) == (finding.code, finding.span[:3]) and not _count(before, d) for d in after.found
        )
        worse = _broken(after) > _broken(before) or (before.ok and not after.ok)
        return not instead and not worse and _count(after, finding) < _count(before, finding)


def _title(proposal: Proposal) -> str:
    """The title of a proposal, with its effect."""
    if not proposal.before or not proposal.after:
        return proposal.title
    changed = [each for each in effects(proposal.before, proposal.after) if "->" in each]
    return f"{proposal.title} ({', '.join(changed)})"


def _count(report: Report, finding: Diagnostic) -> int:
    """The number of findings with the same message, at any place."""
    return sum((d.code, d.message) == (finding.code, finding.message) for d in report.found)


def _broken(report: Report) -> int:
    return sum(d.code.id.startswith("AB0") for d in report.errors)
