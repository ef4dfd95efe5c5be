"""Mistakes of YAML layout: a limit without quotes, tabs, a list without dashes, an item without a dash."""

from __future__ import annotations

import re

from archbuilder.blocks import find
from archbuilder.diagnostics import Span
from archbuilder.remedies.edits import Patch, Patches
from archbuilder.remedies.fixes.writers import Mending
from archbuilder.remedies.places import Entry, Page
from archbuilder.remedy import Layout
from archbuilder.synonyms import synonym

_LIMIT = r"(?:[<>]=?|==?)[ \t]*[0-9][0-9_.]*(?:[ \t]*[kKMG]i?B?|[ \t]*B)?(?:[ \t]+b?[a-z]+[0-9]+)?"
_BARE_LIMIT = re.compile(rf":\s*({_LIMIT})[ \t]*(?=[,}}#]|$)")
TAB = 2  # columns, as in the examples of the language


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
    if remedy.slip == "list without a key":
        return Mending(f"put {remedy.key}: before the list", _keyed(page, entry, remedy.key))
    if not entry.value.is_mapping:
        return None
    if page.source.at(entry.value.span).startswith("{"):
        return Mending("write a list in brackets", _bracketed(page, entry))
    return Mending("start each one with a dash", _dashes(page, entry))


def _quoted(page: Page, line: int) -> Patches:
    """Quote the limits on a line, or on the line before: the parser notices an unquoted > one line later."""
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
    """Replace the tabs of all lines: a single line would not match its neighbours."""
    patches = []
    for start in page.source.starts:
        text = page.source.text[start : page.source.line_end(start)]
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        if "\t" in indent:
            patches.append(Patch(start, start + len(indent), indent.expandtabs(TAB)))
    return tuple(patches)


def _second_key(page: Page, entry: Entry, key: str) -> Mending | None:
    """`- conv: 3` and a line with pointwise: a new item; `- conv:` and a line with out: a field of conv."""
    first, *others = entry.mapping.value
    start, _ = page.source.range(entry.mapping.keys[key])
    block = find(first)
    fields = list(block.model_fields) if block else []
    are_fields = all((other in fields or synonym(other, fields)) and not find(other) for other in others)
    value = entry.mapping.value[first]
    if block and are_fields and not (value.is_mapping or value.is_list) and value.value is not None:
        return _braced(page, entry, block.POSITIONAL)
    if page.source.text[start - 2 : start] != "  ":
        return None
    if block and are_fields and value.value is None:
        _, end = page.source.range(entry.mapping.value[others[-1]].span)
        lines = [start for start in page.source.starts if page.source.line_start(start) < end]
        below = [line for line in lines if line >= page.source.line_start(start)]
        return Mending(f"indent {key}, a field of {first}", tuple(Patch(line, line, "  ") for line in below))
    if not find(key) and not page.find(("define", key)):
        return None
    return Mending(f"start a new item before {key}", (Patch(start - 2, start, "- "),))


def _braced(page: Page, entry: Entry, positional: str) -> Mending | None:
    """`conv: 16` and a line with kernel: both become fields."""
    source, mapping = page.source, entry.mapping
    first, *others = mapping.value
    if not positional or positional in others or any(node.span.file != source.file for node in mapping.value.values()):
        return None
    start, end = source.range(mapping.value[first].span)
    if source.text[: source.range(mapping.span)[0] + 1].endswith("{"):
        last = source.range(mapping.value[others[-1]].span)[1]
        patches: Patches = (Patch(start, start, f"{{{positional}: "), Patch(last, last, "}"))
    else:
        inner = " " * (mapping.keys[first].column + 1)
        lines = [line for line in source.starts if end <= line < source.range(mapping.value[others[-1]].span)[1]]
        after_name = source.range(mapping.keys[first])[1]
        if source.text[after_name:start].strip() != ":":  # for example an anchor
            return None
        head = Patch(after_name, start, f":{source.newline}{inner}{positional}: ")
        patches = (head, *(Patch(line, line, "  ") for line in lines))
    return Mending(f"indent {' and '.join(others)}, of {first}", patches)


def _keyed(page: Page, entry: Entry, key: str) -> Patches:
    """Put a list that is in the place of its block's fields under a key."""
    node, source = entry.value, page.source
    start, end = source.range(node.span)
    if not node.is_list or node.span.file != source.file:
        return ()
    if source.text.startswith("[", start):
        return Patch(start, start, f"{{{key}: "), Patch(end, end, "}")
    line = source.line_start(start)
    dash = source.text[line:start]
    if dash.strip():
        return ()
    lines = [
        other for other in source.starts if line <= other < end and source.text[other : source.line_end(other)].strip()
    ]
    return (Patch(line, line, f"{dash}  {key}:{source.newline}  "), *(Patch(other, other, "  ") for other in lines[1:]))


def _bracketed(page: Page, entry: Entry) -> Patches:
    """`{conv: 16, gap: null}` as a list of its entries."""
    node, source = entry.value, page.source
    start, end = source.range(node.span)
    patches = [Patch(start, start, "["), Patch(end, end, "]")]
    for span in list(node.keys.values())[1:]:
        at, _ = source.range(span)
        before = source.text[:at].rstrip()
        if not before.endswith(","):
            return ()
        patches += [Patch(len(before) - 1, len(before) - 1, "}"), Patch(at, at, "{")]
    return tuple(patches)


def _dashes(page: Page, entry: Entry) -> Patches:
    """Put a dash before each key, and indent the lines below it."""
    node, source = entry.value, page.source
    keys = {span.line: span.column for span in node.keys.values()}
    column = min(keys.values(), default=1)
    start, end = source.range(node.span)
    if source.text[start : start + 1] == "{" or list(keys.values()) != [column] * len(node.keys):
        return ()
    lines = [number for number, line in enumerate(source.starts, 1) if node.span.line <= number and line < end]
    starts = {number: source.offset(number, column) for number in lines}
    return tuple(Patch(at, at, "- " if number in keys else "  ") for number, at in starts.items())
