"""A block as it will be written: its word, its fields, and the steps that it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from archbuilder.importers.flow import Step


@dataclass
class Block:
    """`fields` are in the order of writing; the values of blocks, shortcut and paths are blocks themselves.

    `steps` are in the order in which archbuilder lowers the block.  Two blocks are equal where they read the same.
    """

    word: str
    fields: dict[str, Any]
    steps: list[Step] = field(compare=False)

    @property
    def output(self) -> int:
        """The number of the value that it gives."""
        return self.steps[-1].id

    def named(self, name: str) -> None:
        """Give it a name, which is written first."""
        self.fields = {"name": name, **self.fields}

    def lists(self) -> Iterator[list[Block]]:
        """The lists of blocks that it holds."""
        for key in ("blocks", "shortcut"):
            if key in self.fields:
                yield self.fields[key]
        yield from self.fields.get("paths", ())


def everywhere(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks, those inside of others before them."""
    for block in blocks:
        for inner in block.lists():
            yield from everywhere(inner)
        yield block
