"""Open files: the text with positions in the client's units, and its findings in the form for the client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

from lsprotocol import types

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.live.editing.actions import Action, Remedies
from archbuilder.live.editing.buffer import Buffer as Text
from archbuilder.live.editing.buffer import Good, check_buffer
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable

_SIZES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}  # bytes of a unit


def width(text: str, encoding: str) -> int:
    """The number of units of a text in an encoding."""
    if text.isascii():
        return len(text)
    name = encoding if encoding == "utf-8" else f"{encoding}-le"
    return len(text.encode(name, "surrogatepass")) // _SIZES[encoding]


class Buffer(Text):
    """An immutable text; `changed` returns the next version. `encoding` is that of the client's columns."""

    def __init__(self, text: str, name: str, encoding: str = "utf-16") -> None:
        super().__init__(text, name)
        self.encoding = encoding

    def offset(self, position: types.Position) -> int:
        """The offset of a position, which may be beyond the end of its line or of the text."""
        if position.line >= self.count:
            return len(self.text)
        line, column, units = self.line(position.line), 0, 0
        while column < len(line) and units < position.character:
            units += width(line[column], self.encoding)
            column += 1
        return self.source.starts[position.line] + column

    def place(self, position: types.Position) -> tuple[int, int]:
        """Line and column of a place, in characters and from 1."""
        offset = self.offset(position)
        span = self.source.span(offset, offset)
        return span.line, span.column

    def position(self, offset: int) -> types.Position:
        """The place of an offset."""
        span = self.source.span(offset, offset)
        return types.Position(span.line - 1, width(self.line(span.line - 1)[: span.column - 1], self.encoding))

    def end(self, number: int) -> types.Position:
        """The end of a line."""
        return types.Position(number, width(self.line(number), self.encoding))

    def range(self, start: int, end: int) -> types.Range:
        """The range between two offsets."""
        return types.Range(self.position(start), self.position(end))

    def changed(self, changes: Iterable[types.TextDocumentContentChangeEvent]) -> Buffer:
        """The text after changes, each of which applies to the result of the one before it."""
        new = self
        for change in changes:
            text = change.text
            if isinstance(change, types.TextDocumentContentChangePartial):
                start, end = new.offset(change.range.start), new.offset(change.range.end)
                text = new.text[:start] + change.text + new.text[end:]
            new = Buffer(text, self.name, self.encoding)
        return new


_SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


def problems(report: Report, buffer: Buffer) -> list[types.Diagnostic]:
    """Every finding at its place; findings in the base file are at `extends:`."""
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
    """A place in a file that is not open: correct except in lines with characters of two units."""
    if not span.line:
        return types.Range(types.Position(0, 0), types.Position(0, 0))
    start = types.Position(span.line - 1, span.column - 1)
    return types.Range(start, types.Position(span.end_line - 1, span.end_column - 1))


# an editor sends every YAML file: this recognises those in our language
_OURS = re.compile(r"^[\"']?archbuilder[\"']?\s*:", re.MULTILINE)
_RULES = re.compile(r"^[\"']?archbuilder_rules[\"']?\s*:", re.MULTILINE)
_SECTIONS = re.compile(
    r"^(network|input|classes|limits|vars|defaults|define|extends|data|train|rules|goals)\s*:", re.MULTILINE
)


class File:
    """A file that the editor has open."""

    def __init__(self, uri: str, buffer: Buffer, version: int) -> None:
        self.uri = uri
        self.buffer = buffer
        self.version = version
        self.good: Good | None = None
        self._report: Report | None = None
        self._checking = asyncio.Lock()
        self._remedies: Remedies | None = None
        self._mending = asyncio.Lock()

    @property
    def ours(self) -> bool:
        """Whether it is an archbuilder file, judged from a text that may have errors."""
        return self.is_network or bool(_RULES.search(self.buffer.text))

    @property
    def is_network(self) -> bool:
        """Whether it is an architecture; rule packs have another vocabulary."""
        text = self.buffer.text
        known = _OURS.search(text) or len(set(_SECTIONS.findall(text))) > 1
        return bool(known) and not _RULES.search(text)

    def change(self, buffer: Buffer, version: int) -> None:
        self.buffer, self.version = buffer, version
        self.forget()

    def forget(self) -> None:
        """Forget cached results: a file that this one is based on may have changed."""
        self._report = None

    async def report(self) -> Report:
        """The check of the current text; it runs in another thread."""
        async with self._checking:
            while True:
                report, buffer = self._report, self.buffer
                if report is not None:
                    return report
                report = await asyncio.to_thread(check_buffer, buffer)
                if report.facts:
                    self.good = Good(buffer, report)
                if buffer is self.buffer:
                    self._report = report

    async def actions(self, wanted: Iterable[Diagnostic]) -> list[tuple[Diagnostic, Action]]:
        """The remedies for findings of the current text; one search at a time, in another thread."""
        async with self._mending:
            report, buffer = await self.report(), self.buffer
            if self._remedies is None or self._remedies.report is not report:
                self._remedies = Remedies(buffer, report)
            remedies = self._remedies
            return await asyncio.to_thread(
                lambda: [(finding, action) for finding in wanted for action in remedies.of(finding)]
            )
