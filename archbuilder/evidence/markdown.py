"""Markdown that says what it is given: no value of a run becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from archbuilder.evidence.network import Table
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


def fenced(text: str, language: str) -> Raw:
    """A block of code, whatever fences it holds itself."""
    longest = max(map(len, re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    code = printable(text.rstrip(), keep="\n\t")
    return Raw(f"{fence}{language}\n{code}\n{fence}")


def table(data: Table) -> Raw:
    """A table, its text columns to the left."""
    sides = (":--" if title in data.words else "--:" for title in data.header)
    rows = [map(escaped, data.header), sides, *(map(escaped, row) for row in data.rows)]
    return Raw("\n".join(f"| {' | '.join(cells)} |" for cells in rows))


def settings(pairs: Sequence[tuple[str, str]]) -> Raw:
    """Names and values as a table without a header."""
    return table(Table(("", ""), tuple(pairs), frozenset({""})))
