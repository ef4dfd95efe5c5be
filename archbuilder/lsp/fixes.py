"""Quick fixes: edits after which a finding is gone.  An edit that does not do that is not offered.

What could mend a finding is guessed from its hint; each guess is checked before it is shown.  Other ways to
a remedy join in through `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import monotonic

from archbuilder.diagnostics import Diagnostic
from archbuilder.lsp.buffer import Buffer
from archbuilder.lsp.files import check_buffer
from archbuilder.lsp.guesses import mechanical
from archbuilder.pipeline import Report
from archbuilder.remedies.source import Patches, splice

MAX_TRIES = 12  # guesses that are checked for one finding,
MAX_SECONDS = 1.0  # and how long that may take: a check of ten thousand layers takes longer


@dataclass(frozen=True)
class Fix:
    """Edits that mend a finding, and what they do in a few words."""

    title: str
    patches: Patches


# each gives the edits that could mend a finding, the likeliest first: `check --suggest` has its place here
Source = Callable[[Buffer, Report, Diagnostic], Iterable[Fix]]


def _mechanical(buffer: Buffer, report: Report, finding: Diagnostic) -> Iterator[Fix]:
    for title, patches in mechanical(buffer.source, report, finding):
        yield Fix(title, patches)


SOURCES: list[Source] = [_mechanical]


def fixes(buffer: Buffer, report: Report, finding: Diagnostic) -> Iterator[Fix]:
    """The edits that are known to mend a finding: of each source the one that leaves the fewest errors."""
    if finding.span.file != buffer.name:
        return
    for source in SOURCES:
        mended = []
        deadline = monotonic() + MAX_SECONDS
        for fix in islice(source(buffer, report, finding), MAX_TRIES):
            after = check_buffer(Buffer(splice(buffer.text, fix.patches), buffer.name))
            if _mends(finding, report, after):
                mended.append((len(after.errors), fix))
            if monotonic() > deadline:
                break
        if mended:
            yield min(mended, key=lambda pair: pair[0])[1]


def _mends(finding: Diagnostic, before: Report, after: Report) -> bool:
    """Whether a finding is gone, no other of its kind is in its place, and the file can be read as well as before.

    What only shows once it is gone (a field of a block whose name was wrong) does not count against a fix."""
    instead = any(
        (d.code, d.span[:3]) == (finding.code, finding.span[:3]) and not _count(before, d) for d in after.diagnostics
    )
    return not instead and _count(after, finding) < _count(before, finding) and _broken(after) <= _broken(before)


def _count(report: Report, finding: Diagnostic) -> int:
    """How many findings say the same, wherever."""
    return sum((d.code, d.message) == (finding.code, finding.message) for d in report.diagnostics)


def _broken(report: Report) -> int:
    return sum(d.code.id.startswith("AB0") for d in report.diagnostics)
