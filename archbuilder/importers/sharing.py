"""Layers that run again: items that are equal in both places become a block and its `use`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archbuilder.importers.flow import Step
from archbuilder.importers.structure import Fork, Inexpressible, Item, Join, Leaf, steps
from archbuilder.ir.ops import Pad2d


@dataclass(eq=False)
class Shared:
    """Items whose layers run again later."""

    items: list[Item]


@dataclass(eq=False)
class Again:
    """Items whose layers are those of earlier ones."""

    first: Shared
    items: list[Item]


Part = Item | Shared | Again


@dataclass(frozen=True)
class _Repetition:
    """`length` items of one list, at `at`, run the layers of those of another list, at `first`."""

    source: int  # id of the list that runs them first
    first: int
    target: int
    at: int
    length: int


class Sharing:
    """The shared sequences of items; `parts` returns a list with each of them combined."""

    def __init__(self, network: list[Item]) -> None:
        self._lists: dict[int, list[Item]] = {}
        self._seen: dict[object, tuple[int, int]] = {}
        self._repeated: set[tuple[int, int]] = set()
        self._cuts: dict[int, set[int]] = defaultdict(set)
        self._shared: dict[tuple[int, int], Shared] = {}
        repetitions = list(self._find(network))
        for one in repetitions:
            self._cuts[one.source] |= {one.first, one.first + one.length}
        self._places = {(one.target, one.at): one for one in repetitions}
        for one in repetitions:
            for start, stop in self._pieces(one):
                items = self._lists[one.source][start:stop]
                self._shared.setdefault((one.source, start), Shared(items))

    def parts(self, items: list[Item]) -> list[Part]:
        """The items of a list, with each shared sequence as one part."""
        found: list[Part] = []
        at = 0
        while at < len(items):
            one = self._places.get((id(items), at))
            shared = self._shared.get((id(items), at))
            if one is not None:
                for start, stop in self._pieces(one):
                    offset = one.at - one.first
                    found.append(Again(self._shared[one.source, start], items[start + offset : stop + offset]))
                at += one.length
            elif shared is not None:
                found.append(shared)
                at += len(shared.items)
            else:
                found.append(items[at])
                at += 1
        return found

    def _pieces(self, one: _Repetition) -> Iterator[tuple[int, int]]:
        """The sequences of the first list that every use contains completely."""
        cuts = sorted(cut for cut in self._cuts[one.source] if one.first <= cut <= one.first + one.length)
        yield from pairwise(cuts)

    def _find(self, items: list[Item]) -> Iterator[_Repetition]:
        """The repetitions in a list and below it, in the order of running."""
        self._lists[id(items)] = items
        at = 0
        while at < len(items):
            item, mark = items[at], _mark(items[at : at + 2])
            if mark is not None and mark in self._seen:
                one = self._repetition(items, at, *self._seen[mark])
                yield one
                at += one.length
                continue
            if mark is not None:
                self._seen[mark] = (id(items), at)
            for path in item.paths if isinstance(item, Fork) else ():
                yield from self._find(path)
            at += 1

    def _repetition(self, items: list[Item], at: int, source: int, first: int) -> _Repetition:
        earlier, length = self._lists[source], 0
        while (
            at + length < len(items)
            and first + length < len(earlier)
            and (source, first + length) not in self._repeated
        ):
            if (earlier is items and first + length >= at) or not _same(earlier[first + length], items[at + length]):
                break
            length += 1
        if not length:
            raise Inexpressible(next(steps([items[at]])), "runs a layer again within different connections")
        self._repeated |= {(id(items), at + n) for n in range(length)}
        return _Repetition(source, first, id(items), at, length)


def _mark(items: Sequence[Item]) -> object:
    """A key for the layers of the first item; None for an item without weights.

    Padding belongs to the layer after it."""
    first = items[0]
    padded = isinstance(first, Leaf) and isinstance(first.step.op, Pad2d)
    layers = [step.layer for step in steps(items if padded else [first])]
    return (type(first), padded, *layers) if any(layers) else None


def _same(first: Item, second: Item) -> bool:
    """Whether two items run the same layers in the same way."""
    if isinstance(first, Leaf) and isinstance(second, Leaf):
        return _equal(first.step, second.step)
    if not isinstance(first, Fork) or not isinstance(second, Fork) or isinstance(first, Join):
        return False
    paths = len(first.paths) == len(second.paths) and first.main == second.main
    return paths and first.merge.op == second.merge.op and all(map(_same_lists, first.paths, second.paths))


def _same_lists(first: Sequence[Item], second: Sequence[Item]) -> bool:
    return len(first) == len(second) and all(map(_same, first, second))


def _equal(first: Step, second: Step) -> bool:
    return (first.op, first.layer) == (second.op, second.layer)
