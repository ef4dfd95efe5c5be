"""A report's diagnostics, as the client shows them."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.lsp.buffer import Buffer
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable

_SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


def problems(report: Report, buffer: Buffer) -> list[types.Diagnostic]:
    """Every finding, at its place; one in the file that this one extends, at `extends:`."""
    return [problem(found, buffer) for found in report.diagnostics]


def problem(found: Diagnostic, buffer: Buffer) -> types.Diagnostic:
    message = printable(found.message) + (f"\nhint: {printable(found.hint)}" if found.hint else "")
    elsewhere = not buffer.has(found)
    return types.Diagnostic(
        range=buffer.range(*buffer.place_of(found)),
        message=f"{found.span}: {message}" if elsewhere else message,
        severity=_SEVERITIES[found.severity],
        code=found.code.id,
        source="archbuilder",
        related_information=_related(found) if elsewhere and Path(found.span.file).is_file() else None,
    )


def _related(found: Diagnostic) -> list[types.DiagnosticRelatedInformation]:
    place = types.Location(Path(found.span.file).resolve().as_uri(), _roughly(found.span))
    return [types.DiagnosticRelatedInformation(place, printable(found.message))]


def _roughly(span: Span) -> types.Range:
    """The place in a file that is not open: right but for lines with characters of two units."""
    if not span.line:
        return types.Range(types.Position(0, 0), types.Position(0, 0))
    start = types.Position(span.line - 1, span.column - 1)
    return types.Range(start, types.Position(span.end_line - 1, span.end_column - 1))
