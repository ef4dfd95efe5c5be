"""One line for each finding: file:line:column: CODE message."""

from __future__ import annotations

from collections.abc import Sequence

from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import headline
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import summary


def render(reports: Sequence[Report], style: Style = PLAIN) -> str:
    """The findings of a check, and its last line."""
    return "\n".join([*(headline(d, style) for report in reports for d in report.diagnostics), summary(reports, style)])
