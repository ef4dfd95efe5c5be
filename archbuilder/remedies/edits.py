"""A text, places in it, and edits that replace parts of it; all other bytes stay the same."""

from __future__ import annotations

import re
from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Iterable
from difflib import SequenceMatcher, unified_diff
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.document.text import MAX_BYTES
from archbuilder.files import read_regular, write_whole

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_PROPERTY = re.compile(r"&\S+[ \t]+")  # an anchor precedes the value that it names


class Edit(NamedTuple):
    """Replace the text at `span` by `text`."""

    span: Span
    text: str


class Patch(NamedTuple):
    """An edit given by offsets in a text."""

    start: int
    end: int
    text: str


Patches = tuple[Patch, ...]


class Overlap(ValueError):
    """Patches that cannot be applied together."""


class Source:
    """A text, addressed by offsets or by lines and columns, which count from 1."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file

    @cached_property
    def starts(self) -> list[int]:
        """The offset of each line."""
        return [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]

    @cached_property
    def newline(self) -> str:
        """The line break that the text uses."""
        found = _LINE_BREAK.search(self.text)
        return found[0] if found else "\n"

    def offset(self, line: int, column: int) -> int:
        """The offset of a place; the end of the text for a place after it, 0 for a place without a line."""
        if not line:
            return 0
        return min(self.starts[line - 1] + column - 1, len(self.text)) if line <= len(self.starts) else len(self.text)

    def range(self, span: Span) -> tuple[int, int]:
        """The start and end offsets of a span, without an anchor before it."""
        start, end = self.offset(span.line, span.column), self.offset(span.end_line, span.end_column)
        found = _PROPERTY.match(self.text, start, end)
        return (found.end() if found else start), end

    def at(self, span: Span) -> str:
        """The text of a span."""
        start, end = self.range(span)
        return self.text[start:end]

    def line_start(self, offset: int) -> int:
        return self.starts[bisect_right(self.starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """The end of the line of an offset, before its line break."""
        found = _LINE_BREAK.search(self.text, offset)
        return found.start() if found else len(self.text)

    def next_line(self, offset: int) -> int:
        """The start of the line after that of an offset."""
        found = _LINE_BREAK.search(self.text, offset)
        return found.end() if found else len(self.text)

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        line, end_line = (bisect_right(self.starts, offset) for offset in (start, end))
        return Span(self.file, line, start - self.starts[line - 1] + 1, end_line, end - self.starts[end_line - 1] + 1)

    def edits(self, patches: Iterable[Patch]) -> tuple[Edit, ...]:
        return tuple(Edit(self.span(patch.start, patch.end), patch.text) for patch in sorted(patches))

    def patches(self, edits: Iterable[Edit]) -> Patches:
        """Edits as patches with offsets; an empty span is an insertion."""
        return tuple(
            Patch(self.offset(span.line, span.column), self.offset(span.end_line, span.end_column), text)
            for span, text in edits
        )


def splice(text: str, patches: Iterable[Patch]) -> str:
    """The text with patches applied.  Raises Overlap where two cover the same place."""
    parts, done = [], 0
    for start, end, new in sorted(patches):
        if start < done:
            raise Overlap(f"two edits at offset {start}")
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]])


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """A text with edits applied.  Raises Overlap where two cover the same place."""
    return splice(text, Source(text, "").patches(edits))


def difference(before: str, after: str, file: str) -> tuple[Edit, ...]:
    """The edits, as small as lines allow, that make one text another."""
    source = Source(before, file)
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    patches = []
    for tag, i, j, k, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            patches.append(_trimmed(starts[i], "".join(old[i:j]), "".join(new[k:n])))
    return source.edits(patches)


def _trimmed(start: int, old: str, new: str) -> Patch:
    """The patch without the common beginning and end of both texts."""
    most = min(len(old), len(new))
    head = next((i for i in range(most) if old[i] != new[i]), most)
    tail = next((i for i in range(most - head) if old[-1 - i] != new[-1 - i]), most - head)
    return Patch(start + head, start + len(old) - tail, new[head : len(new) - tail])


def unified(before: str, after: str, file: str, context: int = 1) -> str:
    """A unified diff of two texts; empty where they are equal."""
    lines = unified_diff(before.splitlines(), after.splitlines(), file, file, n=context, lineterm="")
    return "\n".join(lines)


UNWRITTEN = declare(
    "AB941",
    "a file that could not be changed",
    exit_status=2,
    why=(
        "`--fix` replaces a file completely or not at all. The file may not be written, the disk is full, or the file "
        "was changed after it was read."
    ),
    bad="$ archbuilder check net.yaml --fix  # while an editor saves it",
    good="$ archbuilder check net.yaml",
)


def replace_text(file: str, before: str, after: str) -> None:
    """Replace the content `before` of a file by `after`; mode, byte order mark and symbolic links are kept.

    Raises ArchbuilderError AB941 if the file no longer contains `before`, or cannot be written."""
    try:
        path = Path(file).resolve(strict=True)
        data = read_regular(path, MAX_BYTES)
        mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
        if data[len(mark) :] != before.encode():
            message = "the file has changed since it was read, and was not edited"
            raise ArchbuilderError(UNWRITTEN.at(Span(file), message, "run the command again"))
        write_whole(path, mark + after.encode())
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise ArchbuilderError(UNWRITTEN.at(Span(file), message, "check its permissions")) from None
