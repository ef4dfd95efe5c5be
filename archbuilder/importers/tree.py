"""What runs one after the other, and what runs side by side: sequences of leaves, forks and joins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archbuilder.importers.flow import Step
from archbuilder.ir.ops import ChannelSlice, Concat, Gate


class Inexpressible(Exception):
    """Connections that the language cannot say; `step` is where the trouble is."""

    def __init__(self, step: Step, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.step = step
        self.message = message
        self.hint = hint


@dataclass(eq=False)
class Leaf:
    """One op over the current value."""

    step: Step


@dataclass(eq=False)
class Fork:
    """Paths that start at the current value and are merged; `main` is the number of the deepest path.

    Where the channels are cut between the paths, `split` has the step that cuts out each path's share."""

    merge: Step
    paths: list[list[Item]]
    main: int
    split: tuple[Step, ...] = ()


@dataclass(eq=False)
class Join:
    """A merge of the current value with earlier ones; `operands` are all of them, in the merge's order."""

    merge: Step
    operands: tuple[int, ...]
    current: int


Item = Leaf | Fork | Join


def split(fork: Fork) -> Fork:
    """The fork with its channels cut between the paths, where each path begins with its own share."""
    count = len(fork.paths)
    firsts = [path[0].step for path in fork.paths if path and isinstance(path[0], Leaf)]
    parts = [s.op.part for s in firsts if isinstance(s.op, ChannelSlice) and s.op.parts == count]
    order = sorted(range(len(parts)), key=parts.__getitem__)
    fixed = isinstance(fork.merge.op, Concat) and order != parts
    if sorted(parts) != list(range(count)) or fixed:
        return fork
    paths = [fork.paths[number][1:] for number in order]
    return Fork(fork.merge, paths, order.index(fork.main), tuple(firsts[number] for number in order))


def flatter(fork: Fork) -> Fork:
    """(a + b) + c as one merge of three paths, where all three start at the same value."""
    inner = fork.paths[0] if isinstance(fork.merge.op, Concat) else fork.paths[fork.main]
    first = inner[0] if len(inner) == 1 else None
    if not isinstance(first, Fork) or first.merge.op != fork.merge.op or isinstance(fork.merge.op, Gate):
        return fork
    if fork.split or first.split:
        return fork
    return Fork(fork.merge, first.paths + [path for path in fork.paths if path is not inner], first.main)


def steps(items: Sequence[Item]) -> Iterator[Step]:
    """The steps of a tree, paths before their merge."""
    for item in items:
        if isinstance(item, Fork):
            for number, path in enumerate(item.paths):
                yield from item.split[number : number + 1]
                yield from steps(path)
            yield item.merge
        else:
            yield item.step if isinstance(item, Leaf) else item.merge
