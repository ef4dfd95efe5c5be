"""The text of an open file.  Places come and go as the client counts them: from 0, in UTF-16 by default."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types

from archbuilder.live.editing.buffer import Buffer as Text

_SIZES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}  # bytes of a unit


def width(text: str, encoding: str) -> int:
    """How many units of an encoding a text has."""
    if text.isascii():
        return len(text)
    name = encoding if encoding == "utf-8" else f"{encoding}-le"
    return len(text.encode(name, "surrogatepass")) // _SIZES[encoding]


class Buffer(Text):
    """A text that does not change; `changed` gives the next one.  `encoding` is that of the client's columns."""

    def __init__(self, text: str, name: str, encoding: str = "utf-16") -> None:
        super().__init__(text, name)
        self.encoding = encoding

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
