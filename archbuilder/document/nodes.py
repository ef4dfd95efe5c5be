"""A YAML source as a tree: plain values, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.document.text import Reading


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place.

    `value` is a scalar, a list of nodes, or a dict from key to node; `keys` has the place of
    each key of a mapping.
    """

    value: Any
    span: Span
    keys: dict[str, Span] = field(default_factory=dict)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    def get(self, key: str) -> Node | None:
        """The node under a key, or None."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def place(self, *path: str | int) -> Span:
        """The place of a key path: of the key in a mapping, of the item in a list.

        If the path leads nowhere, the deepest place on the way."""
        node, span = self, self.span
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                span, node = node.keys.get(str(step), span), node.value[step]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                span = node.span
            else:
                break
        return span

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(slots=True, repr=False)
class Document:
    """A YAML source: its name, its text and its tree of nodes."""

    name: str
    text: str
    root: Node
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)  # the text of every file that the values come from
    packs: dict[str, str] = field(default_factory=dict)  # the text of every rule pack that is a file
    links: dict[tuple[str, str], str] = field(default_factory=dict)  # (a file or an option, a name in it) -> its path
    read: Reading = field(default_factory=Reading)  # of all files that one check reads

    def path_of(self, place: Span, name: str) -> str:
        """The path of a file that is named at a place, relative to the file of that place, or for an option to the
        current folder.

        Each path is recorded in `links`; those of a run are already there, because its files were read in other
        folders."""
        folder = Path(place.file).parent if place.file in self.sources else Path()
        return self.links.setdefault((place.file, name), str(folder / name))

    def __repr__(self) -> str:
        return f"<Document {self.name!r}: {self.text.count(chr(10)) + 1:,} lines>"
