"""The text of an open file.  Places come and go as the client counts them: from 0, in UTF-16 by default."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types

from archbuilder.diagnostics import Span
from archbuilder.document import BOUND, MAX_BYTES
from archbuilder.pipeline import Report, check_text
from archbuilder.remedies.source import Source

_SIZES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}  # bytes of a unit


def width(text: str, encoding: str) -> int:
    """How many units of an encoding a text has."""
    if text.isascii():
        return len(text)
    name = encoding if encoding == "utf-8" else f"{encoding}-le"
    return len(text.encode(name, "surrogatepass")) // _SIZES[encoding]


class Buffer:
    """A text that does not change; `changed` gives the next one.  `encoding` is that of the client's columns."""

    def __init__(self, text: str, name: str, encoding: str = "utf-16") -> None:
        self.text = text
        self.source = Source(text, name)
        self.encoding = encoding

    @property
    def name(self) -> str:
        """The path that diagnostics name."""
        return self.source.file

    @property
    def count(self) -> int:
        """How many lines there are, an empty last one included."""
        return len(self.source.starts)

    def line(self, number: int) -> str:
        """A line without its line break, by its number from 0; empty past the end."""
        if not 0 <= number < self.count:
            return ""
        start = self.source.starts[number]
        return self.text[start : self.source.line_end(start)]

    def offset(self, position: types.Position) -> int:
        """The offset of a place, which may lie past the end of its line or of the text."""
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
        """What lies between two offsets."""
        return types.Range(self.position(start), self.position(end))

    def first_line(self, span: Span) -> types.Range:
        """A span as far as its first line goes, one character at least."""
        start = self.source.offset(span.line, span.column)
        end = self.source.offset(span.end_line, span.end_column)
        return self.range(start, max(min(end, self.source.line_end(start)), min(start + 1, len(self.text))))

    def changed(self, changes: Iterable[types.TextDocumentContentChangeEvent]) -> Buffer:
        """The text after changes, each of which is about the text that the one before it made."""
        new = self
        for change in changes:
            text = change.text
            if isinstance(change, types.TextDocumentContentChangePartial):
                start, end = new.offset(change.range.start), new.offset(change.range.end)
                text = new.text[:start] + change.text + new.text[end:]
            new = Buffer(text, self.name, self.encoding)
        return new


def check_buffer(buffer: Buffer) -> Report:
    """The report on a text, which may be larger than any file that is read."""
    if len(buffer.text) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 2**20} MiB"
        return Report(buffer.name, diagnostics=(BOUND.at(Span(buffer.name), message),))
    return check_text(buffer.text, buffer.name)
