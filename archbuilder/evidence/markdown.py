"""Tables and settings as Markdown for report.md; their values are escaped when the page is written."""

from __future__ import annotations

from collections.abc import Sequence

from archbuilder.evidence.network import Table
from archbuilder.reporting.markdown import Raw, escaped, fenced, grid

__all__ = ["Raw", "escaped", "fenced", "settings", "table"]


def table(data: Table) -> Raw:
    """A table, its text columns to the left."""
    return grid(data.header, data.rows, data.words)


def settings(pairs: Sequence[tuple[str, str]]) -> Raw:
    """Names and values as a table without a header."""
    return grid(("", ""), pairs, ("",))
