"""What changed between two networks, block by block, and what each change did to the totals.

A part is what one block of the YAML added.  Its share of the receptive field is what the field grows by in it, on
the way that sees most; shares of parameters, MACs and field add up to the networks' totals, so that the
differences of all changes add up to the differences of the totals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, cached_property
from typing import Literal

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.analysis.paths import block_path
from archbuilder.blocks import names
from archbuilder.ir.graph import INPUT
from archbuilder.ir.op import Op
from archbuilder.ir.ops import Conv2d, Linear
from archbuilder.ir.ops.merge import Merge
from archbuilder.ir.shape import Shape

MAX_PAIRS = 4_000_000  # parts on one side times parts on the other; more are paired by their paths alone

Kind = Literal["added", "removed", "changed", "renamed", "follows"]


@dataclass(frozen=True)
class Part:
    """What one block added: its path, its ops, the shape it makes, its share of the totals."""

    path: str
    word: str
    line: int
    ops: tuple[Op, ...]
    shape: Shape
    params: int
    macs: int
    field: tuple[int, int]  # what the receptive field before the global pool grows by in it, (height, width)

    @cached_property
    def place(self) -> str:
        """The path without the numbers that only count namesakes: they move when a block is put in before."""
        return ".".join(map(_unnumbered, self.path.split(".")))

    @property
    def scope(self) -> str:
        return self.place.rpartition(".")[0]

    @property
    def has_weights(self) -> bool:
        return any(isinstance(op, (Conv2d, Linear)) for op in self.ops)

    @property
    def merges(self) -> bool:
        return any(isinstance(op, Merge) for op in self.ops)


@dataclass(frozen=True)
class Change:
    """A part before and after; None where it is not there.  The differences are after - before.

    `follows`: written as before, but its cost differs because what it gets does."""

    kind: Kind
    before: Part | None
    after: Part | None

    @property
    def params(self) -> int:
        return (self.after.params if self.after else 0) - (self.before.params if self.before else 0)

    @property
    def macs(self) -> int:
        return (self.after.macs if self.after else 0) - (self.before.macs if self.before else 0)

    @property
    def field(self) -> tuple[int, int]:
        (h, w), (h0, w0) = (part.field if part else (0, 0) for part in (self.after, self.before))
        return h - h0, w - w0


def changes(before: Facts, after: Facts) -> list[Change]:
    """Every part that differs, in the order of the networks; those that are alike are left out."""
    pairs = _align(parts(before), parts(after), _KEYS)
    return [change for pair in pairs if (change := _change(*pair))]


def _change(before: Part | None, after: Part | None) -> Change | None:
    if before is None or after is None:
        return Change("added" if before is None else "removed", before, after)
    if (before.ops, before.word) != (after.ops, after.word):
        return Change("changed", before, after)
    if before.place != after.place:
        return Change("renamed", before, after)
    change = Change("follows", before, after)
    return change if change.params or change.macs or any(change.field) else None


# what two parts must have in common to be the same part, from strict to loose
_KEYS: tuple[Callable[[Part], object], ...] = (
    lambda part: (part.path, part.ops),
    lambda part: (part.place, part.ops),
    lambda part: (part.path, part.word),
    lambda part: (part.place, part.word),
    lambda part: (part.word, part.ops),
    lambda part: (part.scope, part.has_weights, part.merges),
)


def _align(
    before: Sequence[Part], after: Sequence[Part], keys: Sequence[Callable[[Part], object]]
) -> Iterator[tuple[Part | None, Part | None]]:
    """The parts in pairs: what has the first key in common, in order; what lies between by the next key."""
    if len(before) * len(after) > MAX_PAIRS:
        yield from _by_path(before, after)
        return
    if not keys or not before or not after:
        yield from ((part, None) for part in before)
        yield from ((None, part) for part in after)
        return
    key, *rest = keys
    matcher = SequenceMatcher(None, list(map(key, before)), list(map(key, after)), autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(before[i:i_end], after[j:j_end], strict=True)
        else:
            yield from _align(before[i:i_end], after[j:j_end], rest)


def _by_path(before: Sequence[Part], after: Sequence[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """Pairs of equal paths only: an alignment would take seconds."""
    old = {part.path: part for part in before}
    kept = {part.path for part in after}
    yield from ((part, None) for part in before if part.path not in kept)
    yield from ((old.get(part.path), part) for part in after)


def parts(facts: Facts) -> list[Part]:
    """The parts of a network, in order."""
    grown = _growth(facts)
    groups: dict[tuple[int, str], list[Layer]] = {}
    for layer in facts.layers:
        groups.setdefault((id(layer.node.place), block_path(layer.node)), []).append(layer)
    return [_part(path, layers, grown) for (_, path), layers in groups.items()]


def _part(path: str, layers: Sequence[Layer], grown: dict[str, tuple[int, int]]) -> Part:
    first, last = layers[0].node, layers[-1].node
    fields = [grown.get(layer.node.name, (0, 0)) for layer in layers]
    return Part(
        path,
        first.block,
        first.span.line,
        tuple(layer.node.op for layer in layers),
        last.shape,
        sum(layer.params for layer in layers),
        sum(layer.macs for layer in layers),
        (sum(h for h, _ in fields), sum(w for _, w in fields)),
    )


@cache
def _unnumbered(step: str) -> str:
    word = step.rstrip("0123456789")
    return word if word in names() else step


def _growth(facts: Facts) -> dict[str, tuple[int, int]]:
    """What the field grows by in each layer on the way to the map before the global pool, (height, width)."""
    grown: dict[str, tuple[int, int]] = {}
    for axis in (0, 1):
        name = facts.value
        while name != INPUT:
            node = facts.graph.nodes[name]
            sizes = {value: facts.reaches[value].size[axis] for value in node.inputs}
            source = max(sizes, key=sizes.__getitem__) if isinstance(node.op, Merge) else node.inputs[0]
            h, w = grown.get(name, (0, 0))
            more = facts.reaches[name].size[axis] - sizes[source]
            grown[name] = (more, w) if axis == 0 else (h, more)
            name = source
    return grown
