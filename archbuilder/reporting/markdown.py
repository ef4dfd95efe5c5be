"""Markdown in which no value of a file or a run can become markup."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from archbuilder.reporting.diagnostic import printable

SPECIAL = re.compile(r"([\\`*_{}\[\]|#~$])")


class Raw(str):
    """Text that is Markdown already."""


def escaped(value: Any) -> str:
    """A value as Markdown text on one line: nothing in it is a link, a tag, or the end of a table's cell."""
    if isinstance(value, Raw):
        return value
    text = printable(" ".join(str(value).split("\n")))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", text)


def code(value: Any) -> Raw:
    """Untrusted text as code on one line.

    On forges this protects more than `escaped`: a name with an @ mentions nobody, one with a # refers to no issue, and
    an address is not a link."""
    text = printable(str(value))
    if not text.strip():
        return Raw("")
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    gap = " " if text[0] in "` " or text[-1] in "` " else ""
    return Raw(f"{fence}{gap}{text}{gap}{fence}")


def fenced(text: str, language: str) -> Raw:
    """A block of code, which may itself contain fences."""
    longest = max(map(len, re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    shown = printable(text.rstrip(), keep="\n\t")
    return Raw(f"{fence}{language}\n{shown}\n{fence}")


def grid(header: Sequence[Any], rows: Iterable[Sequence[Any]], words: Collection[str] = ()) -> Raw:
    """A table; columns whose title is in `words` are text, the others numbers."""
    sides = (":--" if title in words else "--:" for title in header)
    lines = [map(_cell, header), sides, *(map(_cell, row) for row in rows)]
    return Raw("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def _cell(value: Any) -> str:
    """Escape bars: a bar ends a cell even inside code."""
    return value.replace("|", r"\|") if isinstance(value, Raw) else escaped(value)
