"""Blocks put into a list and taken out of it, where the list is written with dashes and where in brackets."""

from __future__ import annotations

import re

from archbuilder.remedies.mapping import Unwritable
from archbuilder.remedies.source import Patch, Patches
from archbuilder.remedies.writing import Written


def insert_after(block: Written, *texts: str) -> Patches:
    """New items after a block, each as it stands behind a dash."""
    source = block.source
    _, end = source.range(block.item.span)
    if block.in_flow:
        return (Patch(end, end, "".join(f", {_in_flow(text)}" for text in texts)),)
    gap = source.newline + _indent(block)
    end = source.line_end(end)
    return (Patch(end, end, "".join(f"{gap}- {text}" for text in texts)),)


def insert_before(block: Written, *texts: str) -> Patches:
    """The same before a block."""
    source = block.source
    if block.in_flow:
        start = source.offset(block.item.span.line, block.item.span.column)
        return (Patch(start, start, "".join(f"{_in_flow(text)}, " for text in texts)),)
    dash, gap = dash_of(block), source.newline + _indent(block)
    return (Patch(dash, dash, "".join(f"- {text}{gap}" for text in texts)),)


def _in_flow(text: str) -> str:
    return f"{{{text}}}" if ":" in text else text


def _indent(block: Written) -> str:
    """What stands before a block's dash; where another dash does (`- - conv: 8`), blanks as wide."""
    dash = dash_of(block)
    return " " * (dash - block.source.line_start(dash))


def remove(block: Written) -> Patches:
    """The list without a block; its own line's comment goes with it, others stay."""
    source = block.source
    start, end = source.offset(block.item.span.line, block.item.span.column), source.range(block.item.span)[1]
    if len(block.holder.value) < 2:
        raise Unwritable("an only block")
    if block.in_flow:
        return (_remove_flow(block, start, end),)
    dash = dash_of(block)
    line = source.line_start(dash)
    if source.text[line:dash].strip():
        raise Unwritable("a block that shares its line")
    return (Patch(line, source.next_line(end), ""),)


_COMMA = re.compile(r"(?:\s|#[^\r\n]*[\r\n])*,(?:[ \t]*(?![ \t#]))?")  # the blanks before a comment stay with it


def _remove_flow(block: Written, start: int, end: int) -> Patch:
    source = block.source
    if block.index + 1 < len(block.holder.value):
        comma = _COMMA.match(source.text, end)
        if comma is None:
            raise Unwritable("no comma where one is expected")
        return Patch(start, comma.end(), "")
    return Patch(source.range(block.holder.value[block.index - 1].span)[1], end, "")


def dash_of(block: Written) -> int:
    """The offset of the dash before an item."""
    start = block.source.offset(block.item.span.line, block.item.span.column)
    before = block.source.text[:start].rstrip()
    if not before.endswith("-"):
        raise Unwritable("an item without a dash")
    return len(before) - 1
