"""A text that is being edited: its lines, its report, and the last version that could be analysed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.document.text import BOUND, MAX_BYTES
from archbuilder.pipeline import Report, check_opened
from archbuilder.remedies.edits import Source
from archbuilder.sources import Opened

_EXTENDS = re.compile(r"^extends\s*:.*", re.MULTILINE)


class Buffer:
    """An immutable text and its path."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.source = Source(text, name)

    @property
    def name(self) -> str:
        """The path as shown in diagnostics."""
        return self.source.file

    @property
    def count(self) -> int:
        """The number of lines, including an empty last one."""
        return len(self.source.starts)

    def line(self, number: int) -> str:
        """A line without its line break, by its number from 0; empty beyond the end."""
        if not 0 <= number < self.count:
            return ""
        start = self.source.starts[number]
        return self.text[start : self.source.line_end(start)]

    def stretch(self, span: Span) -> tuple[int, int]:
        """The offsets of a span within its first line, at least one character."""
        start = self.source.offset(span.line, span.column)
        end = self.source.offset(span.end_line, span.end_column)
        return start, max(min(end, self.source.line_end(start)), min(start + 1, len(self.text)))

    def has(self, found: Diagnostic) -> bool:
        """Whether the place of a finding is in this text."""
        return found.span.file == self.name

    def place_of(self, found: Diagnostic) -> tuple[int, int]:
        """The offsets of a finding; for a finding in the base file, those of `extends:`."""
        if self.has(found):
            return self.stretch(found.span)
        extends = _EXTENDS.search(self.text)
        return extends.span() if extends else (0, 0)

    @cached_property
    def _astral(self) -> list[int]:
        """The offsets of characters that need two units in UTF-16."""
        return [] if self.text.isascii() else [n for n, character in enumerate(self.text) if ord(character) > 0xFFFF]

    def units(self, offset: int) -> int:
        """An offset in UTF-16 units, as browsers count them."""
        return offset + bisect_left(self._astral, offset)

    def offset_of(self, units: int) -> int:
        """The character offset of a position in UTF-16 units."""
        offset = max(0, units)
        for astral in self._astral:
            if astral >= offset:
                break
            offset -= 1
        return min(max(offset, 0), len(self.text))


def check_buffer(buffer: Buffer, overrides: Sequence[str] = (), rules: Sequence[str] = (), within: str = "") -> Report:
    """The report on a text, which may be too large to be parsed."""
    if len(buffer.text) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 2**20} MiB"
        return Report(buffer.name, diagnostics=(BOUND.at(Span(buffer.name), message),))
    return check_opened(Opened(buffer.name, buffer.text, within=within), overrides, rules)


@dataclass(frozen=True)
class Good:
    """The last text that could be analysed, and its report."""

    buffer: Buffer
    report: Report


def moved(old: Buffer, new: Buffer) -> Callable[[int], int | None]:
    """Maps each line (from 0) of one text to its place in an edited version; None if it is no longer there."""
    if old is new:
        return lambda line: line
    most = min(old.count, new.count)
    before = next((n for n in range(most) if old.line(n) != new.line(n)), most)
    rest = range(most - before)
    after = next((n for n in rest if old.line(old.count - 1 - n) != new.line(new.count - 1 - n)), most - before)

    def place(line: int) -> int | None:
        if line < before or old.count == new.count:
            return line
        return line + new.count - old.count if line >= old.count - after else None

    return place
