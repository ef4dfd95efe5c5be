"""Rename and Replace: a name at its place, a word in a value."""

from __future__ import annotations

import re

from archbuilder.diagnostics import Span
from archbuilder.document import Node
from archbuilder.remedies.fixes.mending import Mending
from archbuilder.remedies.page import Page, scalars
from archbuilder.remedies.source import Patch
from archbuilder.remedy import Rename, Replace


def rename(remedy: Rename, span: Span, page: Page) -> Mending | None:
    """A key, or a block that stands alone, under the other name."""
    old = page.source.at(span)
    if old == remedy.to or not (page.entry(span) or page.scalar(span)):
        return None
    title = f"write {remedy.to} instead of {old}" if remedy.is_guessed_name else str(remedy)
    return Mending(title, (Patch(*page.source.range(span), remedy.to),))


def replace(remedy: Replace, span: Span, page: Page) -> Mending | None:
    """The value that is the word, else the first one that has it in it, as arithmetic has variables."""
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
