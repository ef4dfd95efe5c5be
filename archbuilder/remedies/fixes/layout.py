"""Layout: slips of YAML. A limit without quotes, tabs, a list without dashes, an item without one."""

from __future__ import annotations

import re

from archbuilder.blocks import find
from archbuilder.diagnostics import Span
from archbuilder.remedies.fixes.mending import Mending
from archbuilder.remedies.page import Entry, Page
from archbuilder.remedies.source import Patch, Patches
from archbuilder.remedy import Layout

_LIMIT = r"(?:[<>]=?|==?)[ \t]*[0-9][0-9_.]*(?:[ \t]*[kKMG]i?B?|[ \t]*B)?(?:[ \t]+b?[a-z]+[0-9]+)?"
_BARE_LIMIT = re.compile(rf":\s*({_LIMIT})[ \t]*(?=[,}}#]|$)")
TAB = 2  # columns, as the language's own samples are indented


def lay_out(remedy: Layout, span: Span, page: Page) -> Mending | None:
    if remedy.slip == "limit without quotes":
        return Mending("put the limit in quotes", _quoted(page, span.line))
    if remedy.slip == "tabs":
        return Mending("indent with spaces instead of tabs", _untabbed(page))
    entry = page.entry(span)
    if entry is None:
        return None
    if remedy.slip == "item without a dash":
        return _second_key(page, entry, remedy.key)
    return Mending("start each one with a dash", _dashes(page, entry)) if entry.value.is_mapping else None


def _quoted(page: Page, line: int) -> Patches:
    """The bare limits on a line, or on the one before: an unquoted > is noticed after it."""
    for number in (line, line - 1):
        if not 1 <= number <= len(page.source.starts):
            continue
        start = page.source.starts[number - 1]
        text = page.source.text[start : page.source.line_end(start)]
        found = [(start + match.start(1), start + match.end(1)) for match in _BARE_LIMIT.finditer(text)]
        if found:
            return tuple(Patch(a, b, f'"{page.source.text[a:b]}"') for a, b in found)
    return ()


def _untabbed(page: Page) -> Patches:
    """Every line's indentation: one alone would not fit its neighbours."""
    patches = []
    for start in page.source.starts:
        text = page.source.text[start : page.source.line_end(start)]
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        if "\t" in indent:
            patches.append(Patch(start, start + len(indent), indent.expandtabs(TAB)))
    return tuple(patches)


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
