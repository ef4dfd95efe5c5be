"""What runs one after the other, and what runs side by side: sequences of leaves, forks and joins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
    firsts = [path[0].step for path in fork.paths if path and isinstance(path[0], Leaf)]
    runs = [run for step in firsts if (run := _run(step))]
    order = sorted(range(len(runs)), key=runs.__getitem__)
    ends = [0, *(runs[number][1] for number in order)]
    tiled = len(runs) == len(fork.paths) and [runs[number][0] for number in order] == ends[:-1]
    if not tiled or ends[-1] != runs[0][2] or (isinstance(fork.merge.op, Concat) and order != sorted(order)):
        return fork
    if {value for join in joins(fork) for value in join.operands} & {step.id for step in firsts}:
        return fork  # a share that is taken by name later needs a block of its own
    sizes = tuple(stop - start for start, stop, _ in sorted(runs))
    paths = [fork.paths[number][1:] for number in order]
    cuts = [ChannelSlice(part, len(sizes), sizes if len(set(sizes)) > 1 else ()) for part in range(len(sizes))]
    steps = tuple(replace(firsts[number], op=cut) for number, cut in zip(order, cuts, strict=True))
    return Fork(fork.merge, paths, order.index(fork.main), steps)


def _run(step: Step) -> tuple[int, int, int] | None:
    """The channels that a slice takes: first, end, and how many there are; None where it is no slice."""
    op = step.op
    if not isinstance(op, ChannelSlice):
        return None
    sizes = op.sizes or (step.shape.c,) * op.parts
    return sum(sizes[: op.part]), sum(sizes[: op.part + 1]), sum(sizes)


def joins(item: Item) -> Iterator[Join]:
    """Every join inside an item."""
    if isinstance(item, Join):
        yield item
    elif isinstance(item, Fork):
        for path in item.paths:
            for inner in path:
                yield from joins(inner)


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
