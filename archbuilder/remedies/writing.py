"""Edits of blocks in their form in the file: bare, with a value or with fields, in brackets or on lines.

Each function returns the patches of one change; comments and layout of everything else are kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from archbuilder.document.nodes import Node
from archbuilder.remedies.edits import Patch, Patches, Source

Ranges = Mapping[str, tuple[int, int]]  # the range of each key


class Unwritable(Exception):
    """A change that cannot be written in this form: of an alias, in a base file, of an only item."""


def own_keys(source: Source, mapping: Node) -> dict[str, tuple[int, int]]:
    """The keys in the text of a mapping itself, in order, with their ranges; without merged and overridden ones."""
    start, end = source.range(mapping.span)
    found = {}
    for key, span in mapping.keys.items():
        if span.file == source.file and key in mapping.value:
            first, last = source.range(span)
            if start <= first and last <= end:
                found[key] = (first, last)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def change_mapping(source: Source, body: Node, fields: Mapping[str, str], drop: Collection[str]) -> Patches:
    """Set fields to these texts and remove others. Raises Unwritable for an alias."""
    start, end = source.range(body.span)
    if source.text[start : start + 1] == "*":
        raise Unwritable("an alias stands for the fields")
    own = own_keys(source, body)
    patches = [Patch(*source.range(body.value[key].span), text) for key, text in fields.items() if key in own]
    if any(patch.start < start or patch.end > end for patch in patches):
        raise Unwritable("a value from elsewhere")
    in_flow = source.text[start : start + 1] == "{"
    added = {key: text for key, text in fields.items() if key not in own}
    left = [key for key in own if key in drop and key not in fields]
    if added and left:  # new fields go where the first removed one was
        slot = left.pop(0)
        patches.append(
            Patch(own[slot][0], _value_end(source, body, own, slot), _entries(source, own[slot][0], added, in_flow))
        )
    elif added:
        patches.append(_add_flow(source, body, own, added) if in_flow else _add_lines(source, body, own, added))
    leave = _leave_flow if in_flow else _leave_lines
    return (*patches, *leave(source, body, own, left))


def _entries(source: Source, start: int, fields: Mapping[str, str], in_flow: bool) -> str:
    """Fields as text for a mapping, on lines or separated by commas."""
    gap = ", " if in_flow else source.newline + " " * (start - source.line_start(start))
    return gap.join(f"{key}: {value}" for key, value in fields.items())


def _value_end(source: Source, body: Node, own: Ranges, key: str) -> int:
    """The end of the entry of a key, also for an alias or an empty value."""
    return max(own[key][1], source.range(body.value[key].span)[1])


def _add_flow(source: Source, body: Node, own: Ranges, fields: Mapping[str, str]) -> Patch:
    text = _entries(source, 0, fields, in_flow=True)
    if not own:
        start, _ = source.range(body.span)
        rest = source.text[start + 1 :].lstrip()
        return Patch(start + 1, start + 1, text if rest.startswith("}") else f"{text}, ")
    end = _value_end(source, body, own, list(own)[-1])
    return Patch(end, end, f", {text}")


def _add_lines(source: Source, body: Node, own: Ranges, fields: Mapping[str, str]) -> Patch:
    """New lines after the first field, with its indentation."""
    if not own:
        raise Unwritable("no field to stand beside")
    first = next(iter(own))
    key = next((key for key in own if not isinstance(body.value[key].value, (dict, list))), first)
    start, end = own[first][0], source.line_end(_value_end(source, body, own, key))
    indent = source.newline + " " * (start - source.line_start(start))
    return Patch(end, end, indent + _entries(source, start, fields, in_flow=False))


def _leave_flow(source: Source, body: Node, own: Ranges, drop: Collection[str]) -> Patches:
    keys = list(own)
    kept = [number for number, key in enumerate(keys) if key not in drop]
    last = kept[-1] if kept else -1
    patches = [Patch(own[key][0], own[keys[n + 1]][0], "") for n, key in enumerate(keys[:last]) if key in drop]
    if last + 1 < len(keys):
        start = _value_end(source, body, own, keys[last]) if kept else own[keys[0]][0]
        patches.append(Patch(start, _value_end(source, body, own, keys[-1]), ""))
    return tuple(patches)


def _leave_lines(source: Source, body: Node, own: Ranges, drop: Collection[str]) -> Patches:
    patches = []
    for key in drop:
        start = source.line_start(own[key][0])
        if len(drop) == len(own) or source.text[start : own[key][0]].strip():
            raise Unwritable("an only field, or one that is not alone on its line")
        patches.append(Patch(start, source.next_line(_value_end(source, body, own, key)), ""))
    return tuple(patches)


def insert_after(block: Written, *texts: str) -> Patches:
    """Insert items after a block; each text is without its dash."""
    source = block.source
    _, end = source.range(block.item.span)
    if block.in_flow:
        return (Patch(end, end, "".join(f", {_in_flow(text)}" for text in texts)),)
    gap = source.newline + _indent(block)
    end = source.line_end(end)
    return (Patch(end, end, "".join(f"{gap}- {text}" for text in texts)),)


def insert_before(block: Written, *texts: str) -> Patches:
    """Insert items before a block."""
    source = block.source
    if block.in_flow:
        start = source.offset(block.item.span.line, block.item.span.column)
        return (Patch(start, start, "".join(f"{_in_flow(text)}, " for text in texts)),)
    dash, gap = dash_of(block), source.newline + _indent(block)
    return (Patch(dash, dash, "".join(f"- {text}{gap}" for text in texts)),)


def _in_flow(text: str) -> str:
    return f"{{{text}}}" if ":" in text else text


def _indent(block: Written) -> str:
    """The text before a block's dash; for another dash (`- - conv: 8`), spaces of the same width."""
    dash = dash_of(block)
    return " " * (dash - block.source.line_start(dash))


def remove(block: Written) -> Patches:
    """Remove a block from its list, with the comment on its line; other comments stay."""
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


_COMMA = re.compile(r"(?:\s|#[^\r\n]*[\r\n])*,(?:[ \t]*(?![ \t#]))?")  # the spaces before a comment stay with it


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


@dataclass(frozen=True)
class Written:
    """An item of a list of blocks: its word, its body (None for the bare word), and the list."""

    source: Source
    holder: Node
    index: int
    positional: str = ""  # the field that a bare value means

    @property
    def item(self) -> Node:
        node: Node = self.holder.value[self.index]
        return node

    @cached_property
    def word(self) -> str:
        return str(next(iter(self.item.value))) if self.item.is_mapping else str(self.item.value)

    @property
    def body(self) -> Node | None:
        return self.item.value[self.word] if self.item.is_mapping else None

    @cached_property
    def name(self) -> tuple[int, int]:
        """The range of its word."""
        return self.source.range(self.item.keys[self.word] if self.item.is_mapping else self.item.span)

    @property
    def in_flow(self) -> bool:
        """Whether the list is written in brackets."""
        start, _ = self.source.range(self.holder.span)
        return self.source.text[start : start + 1] == "["

    def field(self, name: str) -> Node | None:
        """The value of a field in the text of the block itself."""
        body = self.body
        if body is None or body.value is None:
            return None
        if not body.is_mapping:
            return body if name == self.positional else None
        return body.value[name] if name in own_keys(self.source, body) else None

    def text_of(self, name: str) -> str:
        """The text of a field's value, empty if the field is not given."""
        node = self.field(name)
        return self.source.at(node.span) if node else ""


def change(block: Written, word: str = "", fields: Mapping[str, str] = {}, drop: Collection[str] = ()) -> Patches:
    """Give the block another word, set fields to these texts, and remove others."""
    body = block.body
    word = word or block.word
    if body is None:
        if not fields:
            return _renamed(block, word)
        text = f"{word}: {_flow(fields)}"
        return (Patch(*block.name, f"{{{text}}}" if block.in_flow else text),)
    if not fields and _written_fields(block, body) <= set(drop):
        return (_bare(block, body, word),)
    if body.value is None:
        return (*_renamed(block, word), *_fill(block, body, fields))
    if body.is_mapping:
        return (*_renamed(block, word), *change_mapping(block.source, body, fields, drop))
    return (*_renamed(block, word), *_change_value(block, body, fields, drop))


def _bare(block: Written, body: Node, word: str) -> Patch:
    """The bare word, without brackets: `{avg_pool: 8}` -> `gap`."""
    start, end = block.source.range(block.item.span)
    if block.source.text[start : start + 1] == "{":
        return Patch(start, end, word)
    return Patch(block.name[0], block.source.range(body.span)[1], word)


def _written_fields(block: Written, body: Node) -> set[str]:
    return set(body.value) if body.is_mapping else {block.positional} if body.value is not None else set()


def _renamed(block: Written, word: str) -> Patches:
    return (Patch(*block.name, word),) if word != block.word else ()


def _flow(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}"


def _fill(block: Written, body: Node, fields: Mapping[str, str]) -> Patches:
    """A mapping instead of an empty value: `depthwise:`, or `{depthwise}`."""
    if not fields:
        return ()
    start, end = block.source.range(body.span)
    if start < end:  # null, ~
        return (Patch(start, end, _flow(fields)),)
    colon = block.source.text[:start].rstrip(" \t").endswith(":")
    return (Patch(start, end, f"{'' if colon else ':'} {_flow(fields)}"),)


def _change_value(block: Written, body: Node, fields: Mapping[str, str], drop: Collection[str]) -> Patches:
    """`conv: 32` stays short if only this field changes, and becomes a mapping otherwise."""
    if not block.positional:
        raise Unwritable("a value of no field")
    start, end = block.source.range(body.span)
    value = block.source.text[start:end]
    if "\n" in value or "#" in value:
        raise Unwritable("a value over several lines")
    old = {} if block.positional in drop else {block.positional: value}
    new = {**old, **fields}
    if list(new) == [block.positional]:
        return (Patch(start, end, new[block.positional]),) if new != old else ()
    return (Patch(start, end, _flow(new)),)
