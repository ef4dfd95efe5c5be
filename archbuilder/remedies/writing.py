"""Changes to one block as it is written: bare, with a bare value, or with a mapping of fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from archbuilder.document import Node
from archbuilder.remedies.mapping import Unwritable, change_mapping, own_keys
from archbuilder.remedies.source import Patch, Patches, Source


@dataclass(frozen=True)
class Written:
    """An item of a list of blocks: its word, its body (None where the word stands alone), and the list."""

    source: Source
    holder: Node
    index: int
    positional: str = ""  # the field that a bare value stands for

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
        """Where its word stands."""
        return self.source.range(self.item.keys[self.word] if self.item.is_mapping else self.item.span)

    @property
    def in_flow(self) -> bool:
        """Whether the list is written in brackets."""
        start, _ = self.source.range(self.holder.span)
        return self.source.text[start : start + 1] == "["

    def field(self, name: str) -> Node | None:
        """The value of a field that is written in the block itself."""
        body = self.body
        if body is None or body.value is None:
            return None
        if not body.is_mapping:
            return body if name == self.positional else None
        return body.value[name] if name in own_keys(self.source, body) else None

    def text_of(self, name: str) -> str:
        """A field's value as it is written, empty where it is not."""
        node = self.field(name)
        return self.source.at(node.span) if node else ""


def change(block: Written, word: str = "", fields: Mapping[str, str] = {}, drop: Collection[str] = ()) -> Patches:
    """The block under another word, with fields set to these texts and others left out."""
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
    """The word alone, without the brackets that it needed: `{avg_pool: 8}` -> `gap`."""
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
    """A mapping in the place of nothing: `depthwise:`, or `{depthwise}`."""
    if not fields:
        return ()
    start, end = block.source.range(body.span)
    if start < end:  # null, ~
        return (Patch(start, end, _flow(fields)),)
    colon = block.source.text[:start].rstrip(" \t").endswith(":")
    return (Patch(start, end, f"{'' if colon else ':'} {_flow(fields)}"),)


def _change_value(block: Written, body: Node, fields: Mapping[str, str], drop: Collection[str]) -> Patches:
    """`conv: 32` stays bare where its only field changes, and becomes a mapping otherwise."""
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
