"""did you mean ...?: the nearest known name in the place of the one that was written."""

from __future__ import annotations

import re

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.document import Node
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.page import Page, scalars
from archbuilder.remedies.source import Patch

_MEANT = re.compile(r"did you mean (\S+?(?:: \S+?)?)\?")
_VARIABLE = re.compile(r"there is no variable (\w+)")
_NAMES = ("AB101", "AB502")  # findings about a key; the others are about the value under it


def mend(d: Diagnostic, page: Page) -> Mending | None:
    """At a key its name, else the value under it that the message is about."""
    meant = _MEANT.match(d.hint)
    if meant is None:
        return None
    entry, scalar = page.entry(d.span), page.scalar(d.span)
    if " " in meant[1] and scalar is None:
        return None  # activation: relu stands for a bare relu, not for one with fields
    if entry and d.code.id in _NAMES:
        return _replace(page, d.span, page.source.at(d.span), meant[1])
    found = [scalar] if scalar else list(scalars(entry.value)) if entry else []
    variable = _VARIABLE.search(d.message)
    if variable:
        return next((_in_expression(page, node, variable[1], meant[1]) for node in found), None)
    for node in found:
        if isinstance(node.value, str) and node.value in d.message and node.span.file == page.source.file:
            return _replace(page, node.span, node.value, meant[1])
    return None


def _replace(page: Page, span: Span, old: str, new: str) -> Mending:
    return Mending(f"write {new} instead of {old}", (Patch(*page.source.range(span), new),))


def _in_expression(page: Page, node: Node, old: str, new: str) -> Mending:
    start, end = page.source.range(node.span)
    text = re.sub(rf"\b{re.escape(old)}\b", new, page.source.text[start:end])
    return Mending(f"write {new} instead of {old}", (Patch(start, end, text),))
