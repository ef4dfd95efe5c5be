"""A field set as the hint says (`use padding: 0`), added (`add classes: 10`), or left out."""

from __future__ import annotations

import re

from archbuilder.diagnostics import Diagnostic
from archbuilder.document import Node
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.mapping import Unwritable, own_keys
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Patch
from archbuilder.remedies.writing import Written, change

_VALUE = r"([a-z_]+): (\[[^\[\]{}]*\]|[\w.+-]+)"
_LEAD = "set |use |write |leave it out, or |move it before the last layer, or "
_FIELD = re.compile(rf"(?:{_LEAD})?{_VALUE}(?:, or leave it out)?")
_ADD = re.compile(rf"add {_VALUE}(?: at the top of the file)?")
DILATION, BIAS = "AB402", "AB409"


def mend(d: Diagnostic, page: Page) -> Mending | None:
    block = page.block(d.span)
    if d.code.id == DILATION and block:
        return _without_dilation(block)
    if added := _ADD.fullmatch(d.hint):
        return _add(page, d, *added.groups())
    said = _FIELD.fullmatch(d.hint)
    if said is None or (block is not None and block.word == said[1]):  # `activation: none` of an activation block
        return None
    return _set(page, d, block, *said.groups())


def _set(page: Page, d: Diagnostic, block: Written | None, name: str, value: str) -> Mending | None:
    """At the field itself, on its block, or at the top of the file."""
    entry = page.entry(d.span)
    if entry and entry.key == name:
        return _replace(page, entry.value, name, value)
    if block and d.code.id != BIAS:  # a bias that defaults: set is not this block's
        return Mending(f"write {name}: {value}", change(block, fields={name: value}))
    at_top = page.document.root.get(name) if d.hint.startswith("set ") else None
    return _replace(page, at_top, name, value) if at_top else None


def _replace(page: Page, node: Node, name: str, value: str) -> Mending | None:
    if node.span.file != page.source.file or node.is_mapping:
        return None
    return Mending(f"write {name}: {value}", (Patch(*page.source.range(node.span), value),))


def _add(page: Page, d: Diagnostic, name: str, value: str) -> Mending | None:
    """A line of its own before the network, or before everything for the version of the language."""
    root, source = page.document.root, page.source
    if not root.is_mapping or name in root.value or source.at(root.span).startswith("{"):
        return None
    if d.span != root.span and "at the top of the file" not in d.hint:
        return None
    keys = own_keys(source, root)
    before = next(iter(keys)) if name == "archbuilder" else "network"
    if before not in keys:
        raise Unwritable("no key to stand before")
    start = source.line_start(keys[before][0])
    line = Patch(start, start, f"{name}: {value}{source.newline}")
    return Mending(f"add {name}: {value}", (line,), guess=name != "archbuilder")


def _without_dilation(block: Written) -> Mending | None:
    word = "conv" if block.word == "dilated" else block.word
    patches = change(block, word, drop={"dilation"})
    return Mending("leave the dilation out", patches) if patches else None
