"""Flow -> a tree of sequences, forks and joins: consecutive steps and parallel paths.

A sequence leads from one value to another. Its main path is found by walking back from the end, at a merge along the
deepest operand. Every merge on it spans an arc back to the origin of its other operands. Nested arcs become forks
(skip, branches); an operand that is itself an earlier value, and whose arc crosses another, becomes a join by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from archbuilder.importers.flow import IMAGE, Flow, Step
from archbuilder.ir.ops import Add, ChannelSlice, Concat, Gate, Multiply
from archbuilder.ir.ops.merge import Merge


class Inexpressible(Exception):
    """Raised for connections that the language cannot express; `step` is the place of the problem."""

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
    """Paths that start at the current value and are merged; `main` is the index of the deepest path.

    If the channels are divided among the paths, `split` has the slicing step of each path."""

    merge: Step
    paths: list[list[Item]]
    main: int
    split: tuple[Step, ...] = ()


@dataclass(eq=False)
class Join:
    """A merge of the current value with earlier ones; `operands` are all of them, in the order of the merge."""

    merge: Step
    operands: tuple[int, ...]
    current: int


Item = Leaf | Fork | Join


def split(fork: Fork) -> Fork:
    """The fork with its channels divided among the paths, if each path begins with its own share."""
    firsts = [path[0].step for path in fork.paths if path and isinstance(path[0], Leaf)]
    runs = [run for step in firsts if (run := _run(step))]
    order = sorted(range(len(runs)), key=runs.__getitem__)
    ends = [0, *(runs[number][1] for number in order)]
    tiled = len(runs) == len(fork.paths) and [runs[number][0] for number in order] == ends[:-1]
    if not tiled or ends[-1] != runs[0][2] or (isinstance(fork.merge.op, Concat) and order != sorted(order)):
        return fork
    if {value for join in joins(fork) for value in join.operands} & {step.id for step in firsts}:
        return fork  # a share that is used later by name needs its own block
    sizes = tuple(stop - start for start, stop, _ in sorted(runs))
    paths = [fork.paths[number][1:] for number in order]
    cuts = [ChannelSlice(part, len(sizes), sizes if len(set(sizes)) > 1 else ()) for part in range(len(sizes))]
    steps = tuple(replace(firsts[number], op=cut) for number, cut in zip(order, cuts, strict=True))
    return Fork(fork.merge, paths, order.index(fork.main), steps)


def _run(step: Step) -> tuple[int, int, int] | None:
    """The channels of a slice: first, end, and the total; None if the step is not a slice."""
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
    """Write (a + b) + c as one merge of three paths, if all three start at the same value."""
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


NESTED = (Add, Concat, Multiply)  # associative merges


@dataclass
class _Arc:
    """A merge on the main path at position `end`, with the origins of its operands."""

    merge: Step
    end: int
    main: int  # the index of the operand on the main path
    origins: dict[int, int | None] = field(default_factory=dict)  # of the other operands: a position, None if outside
    empty: bool = True  # every other operand is itself an earlier value

    @property
    def start(self) -> int | None:
        """The common position from which all other operands come, or None."""
        found = set(self.origins.values())
        return found.pop() if len(found) == 1 else None

    @property
    def is_mixed(self) -> bool:
        """Whether its other operands come from several positions and some are computed on the way, so that one fork is
        not enough."""
        found = set(self.origins.values())
        return not self.empty and len(found) > 1 and None not in found and isinstance(self.merge.op, NESTED)

    def crosses(self, other: _Arc) -> bool:
        a, b = sorted([(self.start or 0, self.end), (other.start or 0, other.end)])
        return a[0] < b[0] < a[1] < b[1]


class Structure:
    """The tree of a flow's live steps."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.steps = flow.live()
        self._measure()
        self._claimed: set[int] = set()  # values on side paths

    def _measure(self) -> None:
        """Compute the largest number of steps that lead to each value."""
        self._depth = {IMAGE: 0}
        for step in self.steps.values():
            self._depth[step.id] = 1 + max(self._depth[value] for value in step.inputs)

    def sequence(self) -> list[Item]:
        """The whole network.  Raises Inexpressible."""
        items = self._sequence(IMAGE, self.flow.output)
        written = Counter(step.id for step in steps(items))
        for id, step in self.steps.items():
            if written[id] != 1 and not isinstance(step.op, Merge):  # several merges may have been combined
                raise Inexpressible(step, "has connections that cross others")
        return items

    def _sequence(self, start: int, end: int) -> list[Item]:
        chain = self._chain(start, end)
        position = {value: number for number, value in enumerate(chain)}
        arcs = [self._arc(value, position) for value in chain[1:] if len(self.steps[value].inputs) > 1]
        if mixed := next((arc for arc in arcs if arc.is_mixed), None):
            for arc in arcs:
                self._claimed -= {v for n in arc.origins for v in self._between(arc.merge.inputs[n], position)}
            self._nest(mixed, position)
            return self._sequence(start, end)
        return self._items(chain, self._forks(arcs), 0, len(chain) - 1)

    def _chain(self, start: int, end: int) -> list[int]:
        """The values of the main path, start and end included."""
        chain = [end]
        while chain[-1] != start:
            operands = self.steps[chain[-1]].inputs
            if len(operands) > 1:
                operands = tuple(value for value in operands if self._leads_back(value, start))
            chain.append(max(operands, key=self._depth.__getitem__))
        return chain[::-1]

    def _leads_back(self, value: int, start: int) -> bool:
        """Whether a value is `start`, or is computed from it."""
        seen, todo = set(), [value]
        while todo:
            value = todo.pop()
            if value == start:
                return True
            if value in self.steps and value not in seen and self._depth[value] > self._depth[start]:
                seen.add(value)
                todo += self.steps[value].inputs
        return False

    def _arc(self, value: int, position: dict[int, int]) -> _Arc:
        merge = self.steps[value]
        before = position[value] - 1
        main = next(n for n, operand in enumerate(merge.inputs) if position.get(operand) == before)
        arc = _Arc(merge, position[value], main)
        for number, operand in enumerate(merge.inputs):
            if number != main:
                arc.origins[number] = self._origin(merge, operand, position)
                arc.empty &= operand in position or operand in self._claimed or arc.origins[number] is None
        if not arc.empty:
            self._claim(arc, position)
        return arc

    def _nest(self, arc: _Arc, position: dict[int, int]) -> None:
        """Write a merge of many operands as nested merges, each of which is a join or a fork.

        Starting with the main operand: existing values are joined first, then the paths that start latest become a
        fork. The order of a concatenation is kept: only neighbours are combined."""
        merge, done, made = arc.merge, [arc.main], list[Step]()
        value = merge.inputs[arc.main]
        while len(done) < len(merge.inputs):
            taken = self._next(arc, done, position)
            group = [*(n for n in taken if n < min(done)), -1, *(n for n in taken if n > min(done))]
            inputs = tuple(value if number < 0 else merge.inputs[number] for number in group)
            done += taken
            value = (
                merge.id if len(done) == len(merge.inputs) else 1 + max(*self.flow.steps, *(step.id for step in made))
            )
            shapes = {step.id: step.shape for step in made}
            shape = merge.op.shape(tuple(shapes.get(number) or self.flow.shape(number) for number in inputs))
            made.append(replace(merge, id=value, inputs=inputs, shape=shape))
        for known in (self.flow.steps, self.steps):
            _replace(known, merge.id, made)
        self._measure()

    def _next(self, arc: _Arc, done: Sequence[int], position: dict[int, int]) -> list[int]:
        """The operands to merge next: all existing values, else those that start at one position."""

        def nearest(fits: Callable[[int], bool]) -> list[int]:
            if not isinstance(arc.merge.op, Concat):
                return [number for number in arc.origins if number not in done and fits(number)]
            low, high = min(done), max(done)
            before = takewhile(fits, range(low - 1, -1, -1))
            return sorted([*before, *takewhile(fits, range(high + 1, len(arc.merge.inputs)))])

        if there := nearest(lambda number: arc.merge.inputs[number] in position):
            return there
        every = nearest(lambda _: True)
        beside = [n for n in every if not isinstance(arc.merge.op, Concat) or n in (min(done) - 1, max(done) + 1)]
        latest = max(arc.origins[number] or 0 for number in beside)
        return nearest(lambda number: arc.merge.inputs[number] not in position and arc.origins[number] == latest)

    def _origin(self, merge: Step, value: int, position: dict[int, int]) -> int | None:
        """The position on the main path at which a side path begins; None for a value from outside."""
        if value in self._claimed:
            return None
        while value not in position:
            if value not in self.steps:
                return None
            if value in self._claimed:
                raise Inexpressible(merge, "merges a branch that starts inside another one")
            value = max(self.steps[value].inputs, key=self._depth.__getitem__)
        return position[value]

    def _claim(self, arc: _Arc, position: dict[int, int]) -> None:
        """Reserve the values on the side paths of an arc: no other path may use them."""
        for number in arc.origins:
            self._claimed |= self._between(arc.merge.inputs[number], position)

    def _between(self, value: int, position: Container[int]) -> set[int]:
        """A value and all its predecessors, up to the positions of a main path."""
        found: set[int] = set()
        todo = [value]
        while todo:
            value = todo.pop()
            if value in self.steps and value not in position and value not in found:
                found.add(value)
                todo += self.steps[value].inputs
        return found

    def _forks(self, arcs: Sequence[_Arc]) -> dict[int, _Arc]:
        """The arcs that become forks, by their end: first those that must, then others that can be nested, shortest
        first."""
        chosen: list[_Arc] = []
        for arc in sorted(arcs, key=lambda arc: (arc.empty, arc.end - (arc.start or 0))):
            crossing = arc.start is None or any(arc.crosses(other) for other in chosen)
            if not crossing:
                chosen.append(arc)
            elif not arc.empty:
                hint = "a branch may start inside another only if it ends there too"
                raise Inexpressible(arc.merge, "merges branches that cross others", hint)
        return {arc.end: arc for arc in chosen}

    def _items(self, chain: Sequence[int], forks: dict[int, _Arc], low: int, high: int) -> list[Item]:
        """The items from one position of the main path to another."""
        items: list[Item] = []
        while high > low:
            step, arc = self.steps[chain[high]], forks.get(high)
            if arc is not None and arc.start is not None:
                items.append(self._fork(chain, forks, arc, arc.start))
                high = arc.start
                continue
            items.append(Leaf(step) if len(step.inputs) == 1 else Join(step, step.inputs, chain[high - 1]))
            high -= 1
        return items[::-1]

    def _fork(self, chain: Sequence[int], forks: dict[int, _Arc], arc: _Arc, start: int) -> Fork:
        inner = {end: other for end, other in forks.items() if other is not arc}
        paths = []
        for number, operand in enumerate(arc.merge.inputs):
            if number == arc.main:
                paths.append(self._items(chain, inner, start, arc.end - 1))
            else:
                self._claimed -= self._between(operand, chain)  # inside the fork they form their own main path
                paths.append(self._sequence(chain[start], operand))
        fork = Fork(arc.merge, paths, arc.main)
        return split(flatter(fork))


def _replace(steps: dict[int, Step], id: int, made: Sequence[Step]) -> None:
    """Replace a step by several ones, keeping the execution order."""
    before = list(steps.values())
    steps.clear()
    for step in before:
        steps.update({one.id: one for one in made} if step.id == id else {step.id: step})
