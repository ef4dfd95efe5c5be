"""One line for each finding: file:line:column: CODE message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import headline
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import Tally


def render(reports: Iterable[Report], style: Style = PLAIN) -> str:
    """The findings of a check, and its last line."""
    return "".join(pieces(reports, style))


def pieces(reports: Iterable[Report], style: Style = PLAIN) -> Iterator[str]:
    """The same text, report by report."""
    tally = Tally()
    for report in tally.counting(reports):
        yield from (headline(d, style, report.file) + "\n" for d in report.diagnostics)
    yield tally.words(style)
