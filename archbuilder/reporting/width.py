"""Text for a screen of limited width: tables drop their least important columns, long lines are wrapped in their last
column."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from typing import TextIO

LEAST, LEAST_TITLE = 18, 9  # smallest width of a text column, and of the title of a column of numbers
_EXCERPT = re.compile(r" *\d* \| ")  # a line of a source, or the carets under it
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def width_of(stream: TextIO | None) -> int | None:
    """The width of a terminal, or the value of COLUMNS; None if the stream is not a terminal."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream and stream.isatty() else None
    except (OSError, ValueError):
        return None


def narrowed(
    rows: Sequence[tuple[str, ...]],
    words: Collection[str],
    width: int,
    spare: Sequence[str] = (),
    mark: str = "…",
) -> list[tuple[str, ...]]:
    """Rows (the header first) that fit the width: columns of `spare` are dropped in turn, then texts are cut in the
    middle.

    words: the titles of the columns that may be cut; in other columns only the title is cut.
    """
    while True:
        columns = list(zip(*rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        least = [
            min(width, LEAST) if column[0] in words else max(min(width, LEAST_TITLE), *map(len, column[1:]), 0)
            for width, column in zip(widths, columns, strict=True)
        ]
        dropped = next((title for title in spare if title in rows[0]), None)
        if _total(least) <= width or dropped is None:
            break
        at = rows[0].index(dropped)
        rows = [row[:at] + row[at + 1 :] for row in rows]
    while _total(widths) > width and (long := [at for at, each in enumerate(widths) if each > least[at]]):
        widths[max(long, key=lambda at: widths[at])] -= 1
    return [tuple(_cut(cell, room, mark) for cell, room in zip(row, widths, strict=True)) for row in rows]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _cut(cell: str, room: int, mark: str) -> str:
    if len(cell) <= room:
        return cell
    tail = (room - len(mark)) // 2
    return cell[: room - len(mark) - tail] + mark + cell[len(cell) - tail :]


def wrapped(text: str, width: int | None) -> str:
    """Wrap long lines, continued under their own last column; excerpts of a source are not wrapped."""
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width))


def _parts(line: str, width: int) -> list[str]:
    plain = _COLOUR.sub("", line)
    if len(plain) <= width or _EXCERPT.match(plain):
        return [line]
    from textwrap import wrap  # imported late: not needed if all lines are short

    gaps = [gap.end() for gap in re.finditer(r"^ *(?:hint: )?|\S(?:  +)", plain[: width // 2 + 1])]
    indent = " " * gaps[-1]
    # a colour code has no width: it stays with its word
    pieces = wrap(plain, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return _painted(line, pieces) if line != plain else pieces


def _painted(line: str, pieces: list[str]) -> list[str]:
    """The pieces, with the colours of the original line."""
    codes = [(match.start(), match[0]) for match in _COLOUR.finditer(line)]
    if len(codes) == 2 and codes[0][0] == 0 and line.endswith(codes[1][1]):  # one colour for all of it
        return [f"{codes[0][1]}{piece}{codes[1][1]}" for piece in pieces]
    head, taken = pieces[0].rstrip(), 0
    for place, code in codes:  # colours stand in the first columns
        at = place + taken - sum(len(c) for p, c in codes if p < place)
        if at > len(head):
            break
        head, taken = head[:at] + code + head[at:], taken + len(code)
    return [head + "\x1b[0m" * (head.count("\x1b") % 2), *pieces[1:]]
