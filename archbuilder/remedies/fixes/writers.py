"""Remedies of values, fields, blocks and names -> edits of the text."""

from __future__ import annotations

import re
from typing import NamedTuple

from archbuilder.diagnostics import Span
from archbuilder.document.nodes import Node
from archbuilder.document.parser import parse
from archbuilder.remedies.edits import Patch, Patches, Source
from archbuilder.remedies.places import Page, scalars
from archbuilder.remedies.writing import (
    Unwritable,
    Written,
    change_mapping,
    insert_after,
    insert_before,
    own_keys,
    remove,
)
from archbuilder.remedies.writing import change as change_block
from archbuilder.remedy import Change, Insert, Path, Remove, Rename, Replace, Write


class Mending(NamedTuple):
    """What a fix does, in words and as patches."""

    title: str
    patches: Patches


AT_THE_END = ("data", "train")  # sections that are added after the network; others are added before it


def write(remedy: Write, span: Span, page: Page) -> Mending | None:
    """Replace the plain value or the list at the place."""
    entry = page.entry(span)
    node = entry.value if entry else page.scalar(span)
    if node is None or node.is_mapping or node.span.file != page.source.file:
        return None
    name = f"{entry.key}: " if entry else ""
    return Mending(f"write {name}{remedy.value}", (Patch(*page.source.range(node.span), remedy.value),))


def change(remedy: Change, span: Span, page: Page) -> Mending | None:
    if remedy.at is not None:
        return _section(remedy, page)
    if span == page.document.root.span:
        return _top(remedy, page)
    entry, block, fields = page.entry(span), page.block(span), dict(remedy.fields)
    if entry and list(fields) == [entry.key] and not remedy.word:
        return _value(entry.value, entry.key, fields[entry.key], page)
    at_word = block is not None and (entry is None or entry.mapping is block.item)
    if block and (at_word or remedy.word or (entry and entry.key in (*fields, *remedy.drop))):
        return Mending(_title(remedy), change_block(block, remedy.word, fields, remedy.drop))
    if entry and entry.value.is_mapping and not remedy.word:
        return Mending(_title(remedy), change_mapping(page.source, entry.value, fields, remedy.drop))
    return None


def _title(remedy: Change) -> str:
    if remedy.word:
        return f"write {remedy.word}"
    return f"write {remedy.text}" if remedy.fields else f"leave out {' and '.join(remedy.drop)}"


def _value(node: Node, name: str, text: str, page: Page) -> Mending | None:
    if node.span.file != page.source.file or node.is_mapping:
        return None
    return Mending(f"write {name}: {text}", (Patch(*page.source.range(node.span), text),))


def _section(remedy: Change, page: Page) -> Mending | None:
    """Change a mapping given by its path: the file itself, or a section."""
    node = page.find(remedy.at or ())
    if not remedy.at:
        return _top(remedy, page)
    if node is None or not node.is_mapping or node.span.file != page.source.file:
        return None
    return Mending(_title(remedy), change_mapping(page.source, node, dict(remedy.fields), remedy.drop))


def _top(remedy: Change, page: Page) -> Mending | None:
    """Keys of the file: existing ones are set, others added."""
    root = page.document.root
    if not root.is_mapping:
        return None
    parts = []
    for name, text in remedy.fields:
        part = _value(root.value[name], name, text, page) if name in root.value else _added(name, text, page)
        if part is None:
            return None
        parts.append(part)
    return Mending("; ".join(part.title for part in parts), tuple(patch for part in parts for patch in part.patches))


def _added(name: str, text: str, page: Page) -> Mending | None:
    """Add a key on its own lines, or in brackets if the whole file is in brackets."""
    root, source = page.document.root, page.source
    keys = own_keys(source, root)
    title = f"add {name}: {text}"
    if source.at(root.span).startswith("{"):
        return Mending(title, alone(source, change_mapping(source, root, {name: text}, ())))
    if name in AT_THE_END and keys:
        first, end = min(keys.values())[0], source.line_end(source.range(root.span)[1])
        gap = source.newline + " " * (first - source.line_start(first))
        lines = "".join(gap + line for line in _lines(name, text))
        return Mending(title, alone(source, (Patch(end, end, lines),)))
    before = next(iter(keys), "") if name == "archbuilder" else "network"
    if before not in keys:
        raise Unwritable("no key to stand before")
    start = source.line_start(keys[before][0])
    return Mending(title, (Patch(start, start, f"{name}: {text}{source.newline}"),))


def _lines(name: str, text: str) -> list[str]:
    """A section in brackets, rewritten as lines: one per entry, and one per item of a list."""
    section = parse(text)
    if not section.root.is_mapping:
        return [f"{name}: {text}"]
    source, lines = Source(text, section.name), [f"{name}:"]
    for key, node in section.root.value.items():
        items = node.value if node.is_list and not any(_is_number(item) for item in node.value) else ()
        lines.append(f"  {key}:" if items else f"  {key}: {source.at(node.span)}")
        shown = (source.at(item.span) for item in items)
        lines += [f"    - {item[1:-1] if item.startswith('{') else item}" for item in shown]
    return lines


def _is_number(node: Node) -> bool:
    return isinstance(node.value, (int, float))


def alone(source: Source, patches: Patches) -> Patches:
    """The same edits, made exclusive, because a key that is added by two edits would occur twice.

    An insertion also covers the character before it, and patches that cover the same character exclude each other."""
    before = [patch.start - (patch.start == patch.end) for patch in patches]
    return tuple(
        Patch(start, patch.end, source.text[start : patch.start] + patch.text)
        for start, patch in zip(before, patches, strict=True)
    )


def leave_out(remedy: Remove, span: Span, page: Page) -> Mending | None:
    block = page.block(span)
    return Mending(f"leave {block.word} out", remove(block)) if block else None


def insert(remedy: Insert, span: Span, page: Page) -> Mending | None:
    if remedy.at:
        return Mending(f"add {remedy.text} to {remedy.at[-1]}", _appended(remedy.items, remedy.at, page))
    block = page.block(span)
    if block is None:
        return None
    where = "before" if remedy.before else "after"
    put = insert_before if remedy.before else insert_after
    return Mending(f"put {remedy.text} {where} {block.word}", put(block, *remedy.items))


def _appended(items: tuple[str, ...], path: Path, page: Page) -> Patches:
    """Append after the last item of a list, or as the first items of an empty list."""
    holder, found = page.find(path[:-1]), page.find(path)
    if holder is None or not holder.is_mapping or holder.span.file != page.source.file:
        return ()
    if found is not None and found.is_list and found.value:
        return insert_after(Written(page.source, found, len(found.value) - 1), *items)
    text = ", ".join(f"{{{item}}}" if ":" in item else item for item in items)
    return alone(page.source, change_mapping(page.source, holder, {path[-1]: f"[{text}]"}, ()))


def rename(remedy: Rename, span: Span, page: Page) -> Mending | None:
    """Rename a key, or a block without fields."""
    old = page.source.at(span)
    if old == remedy.to or not (page.entry(span) or page.scalar(span)):
        return None
    title = f"write {remedy.to} instead of {old}" if remedy.is_guessed_name else str(remedy)
    return Mending(title, (Patch(*page.source.range(span), remedy.to),))


def replace(remedy: Replace, span: Span, page: Page) -> Mending | None:
    """Replace the value that is this word, or the first value that contains it (a variable in arithmetic)."""
    entry, scalar = page.entry(span), page.scalar(span)
    nodes = [scalar] if scalar else list(scalars(entry.value)) if entry else []
    nodes = [node for node in nodes if node.span.file == page.source.file]
    for node in nodes:
        if str(node.value) == remedy.old:
            alone = entry is not None and node is entry.value and not remedy.is_guessed_name
            title = f"write {entry.key}: {remedy.new}" if entry and alone else _instead(remedy)
            return Mending(title, (Patch(*page.source.range(node.span), remedy.new),))
    return next(filter(None, (_inside(remedy, node, page) for node in nodes)), None)


def _inside(remedy: Replace, node: Node, page: Page) -> Mending | None:
    start, end = page.source.range(node.span)
    old = page.source.text[start:end]
    text = re.sub(rf"\b{re.escape(remedy.old)}\b", lambda _: remedy.new, old)
    return Mending(_instead(remedy), (Patch(start, end, text),)) if text != old else None


def _instead(remedy: Replace) -> str:
    return f"write {remedy.new} instead of {remedy.old}"
