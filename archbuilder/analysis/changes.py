"""What changed between two networks, block by block, and what each change did to the totals.

A part is the layers that one block of the YAML added. Its share of the receptive field is the growth of the field
within it, on the path with the largest field. The shares of parameters, MACs and field add up to the totals of the
network, so the differences of all changes add up to the differences of the totals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.blocks import names
from archbuilder.ir.graph import INPUT, block_path
from archbuilder.ir.op import Op
from archbuilder.ir.ops import Conv2d, Linear
from archbuilder.ir.ops.merge import Merge
from archbuilder.ir.shape import Shape

MAX_PAIRS = 250_000  # parts of one network times parts of the other; beyond that, parts are paired by their paths only

Kind = Literal["added", "removed", "changed", "renamed", "follows"]


@dataclass(frozen=True)
class Part:
    """The layers that one block added: path, ops, output shape, share of the totals."""

    path: str
    word: str
    line: int
    ops: tuple[Op, ...]
    shape: Shape
    params: int
    macs: int
    field: tuple[int, int]  # growth of the receptive field before the global pool within the part, (height, width)

    @cached_property
    def place(self) -> str:
        """The path without the numbers that distinguish equal names: they change when a block is inserted before."""
        return ".".join(map(_unnumbered, self.path.split(".")))

    @cached_property
    def scope(self) -> str:
        return self.place.rpartition(".")[0]

    @cached_property
    def has_weights(self) -> bool:
        return any(isinstance(op, (Conv2d, Linear)) for op in self.ops)

    @cached_property
    def merges(self) -> bool:
        return any(isinstance(op, Merge) for op in self.ops)


@dataclass(frozen=True)
class Change:
    """A part before and after, None if it does not exist there. The differences are after - before.

    `follows`: the part itself is unchanged, but its cost differs because its input does."""

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
    """Every part that differs, in the order of the networks."""
    pairs = _align(parts(before), parts(after))
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


def _align(before: Sequence[Part], after: Sequence[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """Pairs of parts, in order, with the largest total similarity; None beside a part without a partner."""
    most = min(len(before), len(after))
    head = next((n for n in range(most) if not _is_same(before[n], after[n])), most)
    tail = next((n for n in range(most - head) if not _is_same(before[-1 - n], after[-1 - n])), most - head)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    yield from zip(before[:head], after[:head], strict=True)
    yield from (_best if len(old) * len(new) <= MAX_PAIRS else _by_path)(old, new)
    yield from zip(before[len(before) - tail :], after[len(after) - tail :], strict=True)


def _is_same(before: Part, after: Part) -> bool:
    return (before.path, before.ops) == (after.path, after.ops)


def _likeness(before: Part, after: Part) -> int:
    """How similar two parts are: first by what they compute, then by their place; 0 if they have nothing in common."""
    if before.word == after.word:
        if before.ops == after.ops:
            return 9 if before.path == after.path else 8 if before.place == after.place else 3
        if before.place == after.place:
            return 5 if before.path == after.path else 4
    alike = (before.scope, before.has_weights, before.merges) == (after.scope, after.has_weights, after.merges)
    return int(alike)


def _best(before: Sequence[Part], after: Sequence[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """The alignment with the largest similarity (Needleman and Wunsch, 1970)."""
    best = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]  # best[i][j]: of the parts from i and from j on
    for i in reversed(range(len(before))):
        for j in reversed(range(len(after))):
            pair = _likeness(before[i], after[j])
            best[i][j] = max(best[i + 1][j], best[i][j + 1], pair and pair + best[i + 1][j + 1])
    i = j = 0
    while i < len(before) and j < len(after):
        pair = _likeness(before[i], after[j])
        if pair and best[i][j] == pair + best[i + 1][j + 1]:
            yield before[i], after[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            yield before[i], None
            i += 1
        else:
            yield None, after[j]
            j += 1
    yield from ((part, None) for part in before[i:])
    yield from ((None, part) for part in after[j:])


def _by_path(before: Sequence[Part], after: Sequence[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """Pairs with equal paths only; an alignment would take seconds."""
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
    """The growth of the field in each layer on the way to the map before the global pool, (height, width)."""
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
