"""Blocks and their YAML text: one line if a block fits, else nested lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archbuilder.blocks import find
from archbuilder.importers.flow import Step

WIDTH = 110  # largest width of a line
CROWDED = 90  # the same for a line with several blocks
MAX_INLINE = 3  # largest number of blocks inside a block on one line

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WORDS = {"true", "false", "null"}  # words that need quotes


@dataclass
class Block:
    """`fields` are in the order of the text; the values of blocks, shortcut and paths are blocks themselves.

    `steps` are in the order in which archbuilder lowers the block. Two blocks are equal if their texts are.
    """

    word: str
    fields: dict[str, Any]
    steps: list[Step] = field(compare=False)

    @property
    def output(self) -> int:
        """The number of its output value."""
        return self.steps[-1].id

    def named(self, name: str) -> None:
        """Name the block; the name is written first."""
        self.fields = {"name": name, **self.fields}

    def lists(self) -> Iterator[list[Block]]:
        """The lists of blocks inside it."""
        for key in ("blocks", "shortcut"):
            if key in self.fields:
                yield self.fields[key]
        yield from self.fields.get("paths", ())


def everywhere(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks, inner ones before outer ones."""
    for block in blocks:
        for inner in block.lists():
            yield from everywhere(inner)
        yield block


def inline(value: Any) -> str:
    """A value in YAML's one-line style."""
    if isinstance(value, Block):
        return _block(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_item, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return (
            value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else '"' + value.replace('"', '\\"') + '"'
        )
    return repr(value)


def _item(value: Any) -> str:
    """A block inside brackets, with its own braces unless it is a single word."""
    text = inline(value)
    return "{" + text + "}" if isinstance(value, Block) and ": " in text else text


def _block(block: Block) -> str:
    """`conv: 16`, `conv: {out: 16, kernel: 5}`, `gap`."""
    if not block.fields:
        return block.word
    kind = find(block.word)
    if kind and list(block.fields) == [kind.POSITIONAL]:
        return f"{block.word}: {inline(block.fields[kind.POSITIONAL])}"
    return f"{block.word}: {inline(block.fields)}"


def document(
    comments: Sequence[str], head: Mapping[str, Any], defaults: Mapping[str, Any], network: Sequence[Block], data: str
) -> str:
    """The whole file; `data` is a data set, or empty."""
    lines = [f"# {comment}" for comment in comments]
    lines += [f"{key}: {inline(value)}" for key, value in head.items()]
    if defaults:
        short = f"defaults: {inline(defaults)}"
        long = ["defaults:", *(f"  {key}: {inline(value)}" for key, value in defaults.items())]
        lines += ["", *([short] if len(short) <= WIDTH else long)]
    lines += ["", "network:", *(line for block in network for line in listed(block, 2))]
    if data:
        lines += ["", f"data: {inline({'dataset': data})}"]
    return "\n".join(lines) + "\n"


def listed(block: Block, indent: int = 0) -> Iterator[str]:
    """The lines of a block in a list."""
    margin, short = " " * indent, inline(block)
    if _fits([block], short, indent):
        yield f"{margin}- {short}"
        return
    yield f"{margin}- {block.word}:"
    for key, value in block.fields.items():
        if key == "paths":
            yield f"{margin}    paths:"
            for path in value:
                yield from _path(path, indent + 6)
        elif key in _NESTED and not _fits(value, inline(value), indent + 4 + len(key)):
            yield f"{margin}    {key}:"
            for inner in value:
                yield from listed(inner, indent + 6)
        else:
            yield f"{margin}    {key}: {inline(value)}"


def _path(path: Sequence[Block], indent: int) -> Iterator[str]:
    """The lines of a list of blocks in a list."""
    margin = " " * indent
    if not path or _fits(path, inline(path), indent):
        yield f"{margin}- {inline(path)}"
        return
    first, *others = (line for block in path for line in listed(block, indent + 2))
    yield f"{margin}- {first.lstrip()}"
    yield from others


_NESTED = {"blocks", "paths", "shortcut"}


def _fits(blocks: Sequence[Block], short: str, indent: int) -> bool:
    """Whether blocks can be on one line: no stages, only few with blocks inside, and these without further nesting."""
    held = [inner for block in blocks for inside in block.lists() for inner in inside]
    flat = held or blocks
    plain = len(flat) <= MAX_INLINE and all(not block.fields.keys() & _NESTED for block in flat)
    room = WIDTH if len(blocks) == 1 and not held else CROWDED
    return plain and indent + len(short) < room and all(block.word != "stage" for block in blocks)
