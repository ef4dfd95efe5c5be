"""An index of a document by place: what is at the place of a diagnostic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archbuilder.blocks import find
from archbuilder.diagnostics import Span
from archbuilder.document.nodes import Document, Node
from archbuilder.remedies.edits import Source
from archbuilder.remedies.writing import Written


class Entry(NamedTuple):
    """A key of a mapping, and the block of which it is the word or a field, if any."""

    mapping: Node
    key: str
    block: Written | None

    @property
    def value(self) -> Node:
        node: Node = self.mapping.value[self.key]
        return node


class Page:
    """The keys and the scalars of a document by their start."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.source = Source(document.text, document.name)
        self._entries: dict[Span, Entry] = {}
        self._values: dict[Span, Entry] = {}
        self._scalars: dict[Span, tuple[Node, Written | None]] = {}
        self._walk()

    def find(self, path: Sequence[str]) -> Node | None:
        """The node under a path of keys, or None."""
        node: Node | None = self.document.root
        for key in path:
            node = node.get(key) if node else None
        return node

    def entry(self, span: Span) -> Entry | None:
        """The key at a place, or the key whose value is at the place."""
        return self._entries.get(span) or self._values.get(span)

    def scalar(self, span: Span) -> Node | None:
        """The value at a place."""
        found = self._scalars.get(span)
        return found[0] if found else None

    def block(self, span: Span) -> Written | None:
        """The block at a place: at its word, or at one of its fields."""
        entry = self.entry(span)
        return entry.block if entry else self._scalars.get(span, (None, None))[1]

    def _walk(self) -> None:
        waiting: list[tuple[Node, Written | None]] = [(self.document.root, None)]
        seen: set[int] = set()
        while waiting:
            node, block = waiting.pop()
            if id(node) in seen or node.span.file != self.document.name:
                continue
            seen.add(id(node))
            if node.is_mapping:
                for key, span in node.keys.items():
                    if key in node.value:
                        entry = Entry(node, key, block)
                        self._entries.setdefault(span, entry)
                        self._values.setdefault(node.value[key].span, entry)
                        is_word = block is not None and node is block.item
                        waiting.append((node.value[key], block if is_word else None))
            elif node.is_list:
                waiting += ((item, self._item(node, index)) for index, item in enumerate(node.value))
            else:
                self._scalars.setdefault(node.span, (node, block))

    def _item(self, holder: Node, index: int) -> Written | None:
        """An item as a block, if it has the form of one."""
        item = holder.value[index]
        if not isinstance(item.value, str) and not (item.is_mapping and len(item.value) == 1):
            return None
        written = Written(self.source, holder, index)
        kind = find(written.word)
        return Written(self.source, holder, index, kind.POSITIONAL) if kind else written


def scalars(node: Node) -> Iterator[Node]:
    """The plain values in a node, itself or in a list."""
    if node.is_list:
        for item in node.value:
            yield from scalars(item)
    elif not node.is_mapping:
        yield node
