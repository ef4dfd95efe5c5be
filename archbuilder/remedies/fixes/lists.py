"""Lists of blocks: a dash where one is missing, or a field that is not indented enough to be one."""

from __future__ import annotations

import re

from archbuilder.blocks import find
from archbuilder.diagnostics import Diagnostic
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.page import Entry, Page
from archbuilder.remedies.source import Patch, Patches

_SECOND_KEY = re.compile(r"start a new item with a dash before (\S+),")


def mend(d: Diagnostic, page: Page) -> Mending | None:
    entry = page.entry(d.span)
    if entry and (second := _SECOND_KEY.match(d.hint)):
        return _second_key(page, entry, second[1])
    if entry and d.hint == "start each one with a dash" and entry.value.is_mapping:
        patches = _dashes(page, entry)
        return Mending("start each one with a dash", patches) if patches else None
    return None


def _second_key(page: Page, entry: Entry, key: str) -> Mending | None:
    """`- conv: 3` and a line with pointwise: an item of its own; `- conv:` and a line with out: a field of it."""
    first, *others = entry.mapping.value
    start, _ = page.source.range(entry.mapping.keys[key])
    if page.source.text[start - 2 : start] != "  ":
        return None
    block = find(first)
    if block and entry.mapping.value[first].value is None and set(others) <= set(block.model_fields):
        _, end = page.source.range(entry.mapping.value[others[-1]].span)
        lines = [start for start in page.source.starts if page.source.line_start(start) < end]
        below = [line for line in lines if line >= page.source.line_start(start)]
        return Mending(f"indent {key}, a field of {first}", tuple(Patch(line, line, "  ") for line in below))
    return Mending(f"start a new item before {key}", (Patch(start - 2, start, "- "),))


def _dashes(page: Page, entry: Entry) -> Patches:
    """A dash before each key, and what is under it indented with it."""
    node, source = entry.value, page.source
    keys = {span.line: span.column for span in node.keys.values()}
    column = min(keys.values(), default=1)
    start, end = source.range(node.span)
    if source.text[start : start + 1] == "{" or list(keys.values()) != [column] * len(node.keys):
        return ()
    lines = [number for number, line in enumerate(source.starts, 1) if node.span.line <= number and line < end]
    starts = {number: source.offset(number, column) for number in lines}
    return tuple(Patch(at, at, "- " if number in keys else "  ") for number, at in starts.items())
