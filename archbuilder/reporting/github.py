"""Findings as workflow commands, which GitHub Actions shows at the lines of a pull request.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions, and toolkit's command.ts for
what is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable, said
from archbuilder.reporting.repository_paths import in_repository, is_file

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render(reports: Iterable[Report]) -> str:
    """A line for each finding, nothing where there is none."""
    return "".join(pieces(reports))


def pieces(reports: Iterable[Report]) -> Iterator[str]:
    """The same text, report by report."""
    between = ""
    for report in reports:
        for d in report.diagnostics:
            yield between + _command(d, report.file)
            between = "\n"


def _command(d: Diagnostic, checked: str) -> str:
    # a log does not show the properties, so repeat the place in the text
    found = f"{d.span}: {d.code.id} {said(d, checked)}"
    message = "\n".join(map(printable, [found, *([f"hint: {d.hint}"] if d.hint else [])]))
    properties = {**_place(d.span), "title": f"archbuilder {d.code.id}"}
    listed = ",".join(f"{name}={printable(str(value)).translate(_PROPERTY)}" for name, value in properties.items())
    return f"::{d.severity} {listed}::{message.translate(_DATA)}"


def _place(span: Span) -> dict[str, str | int]:
    """The place of a finding, empty if it is not in a file. Columns are given only if the place is within one line."""
    if not is_file(span):
        return {}
    place: dict[str, str | int] = {"file": in_repository(span.file)}
    if span.line:
        place |= {"line": span.line, "endLine": span.end_line}
    if span.line and span.line == span.end_line:
        place |= {"col": span.column, "endColumn": max(span.end_column, span.column)}
    return place
