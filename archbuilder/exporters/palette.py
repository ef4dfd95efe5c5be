"""Kinds of blocks and their colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archbuilder.ir import ops
from archbuilder.ir.op import Op


class Colour(NamedTuple):
    """A strong one for lines, a light one for areas."""

    line: str
    fill: str


COLOURS = {
    "conv": Colour("#2f6db3", "#e8f1fb"),
    "grouped": Colour("#0f8a7e", "#e3f5f2"),
    "pool": Colour("#c9780c", "#fdf1de"),
    "linear": Colour("#7a4fb5", "#f1eafa"),
    "gate": Colour("#b8443a", "#fbe9e7"),
    "other": Colour("#6b7785", "#f1f3f5"),
    "end": Colour("#3b4754", "#ffffff"),  # input and output
}

# what a block is in the first place, where it has several of these ops
_KINDS: tuple[tuple[str, tuple[type[Op], ...]], ...] = (
    ("gate", (ops.Gate,)),
    ("linear", (ops.Linear,)),
    ("conv", (ops.Conv2d,)),
    ("pool", (ops.AvgPool2d, ops.MaxPool2d, ops.AdaptivePool)),
)


def kind(block: Sequence[Op]) -> str:
    """The kind of a block with these ops, a key of COLOURS."""
    for name, types in _KINDS:
        op = next((op for op in block if isinstance(op, types)), None)
        if op is not None:
            return "grouped" if isinstance(op, ops.Conv2d) and op.groups > 1 else name
    return "other"
