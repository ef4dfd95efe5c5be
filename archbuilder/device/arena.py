"""The arena: the place of each tensor of a network in the memory of a microcontroller, to the byte.

Its head holds the outputs of operators and their scratch memory; the tail, which is never freed, holds the runtime's
data about tensors and operators. The size of the head is exact for the plan in an exported file:
`OfflineMemoryAllocation`, an offset for each tensor. Without such a plan the runtime makes its own, greedily.

Source: tensorflow/tflite-micro, micro_allocation_info.cc (lifetimes), memory_planner/greedy_memory_planner.cc, and
the kernels that need scratch memory (reduce_common.cc, mirror_pad.cc).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from archbuilder.device.kernels import program_of
from archbuilder.device.program import FLOAT32, INT8, WEIGHTED, Operator, Program
from archbuilder.ir.graph import Graph

if TYPE_CHECKING:
    import random

MOST_ALIVE = 500_000  # sum of the lifetimes of all tensors, in operators: beyond it, planning takes seconds
ALIGNED = 16  # bytes: each size is rounded up to a multiple
MOST_TRIED = 1_000  # buffers: with more, the greedy plan is used
TRIES = 300  # changes of an order that are tried if the first orders do not reach the bound,
WORK = 400_000  # at most this divided by the squared number of buffers: some tenths of a second


class Buffer(NamedTuple):
    """Bytes that are needed from one operator to another, given by positions; `planned` if a file's plan has an offset
    for them.

    Scratch memory is not planned: the runtime fits it between the planned buffers."""

    name: str
    size: int
    first: int
    last: int
    planned: bool = True


class Placed(NamedTuple):
    """A buffer and its first byte."""

    buffer: Buffer
    offset: int

    @property
    def end(self) -> int:
        return self.offset + self.buffer.size


@dataclass(frozen=True)
class Arena:
    """The plan of a network's memory on TensorFlow Lite for Microcontrollers, in bytes.

    head:   the non-persistent part under the plan that an exported file carries; never over `greedy`.
    greedy: what the runtime's own planner would need.
    bound:  the largest sum of buffers needed at the same time; no plan needs less.
    tail:   the persistent part, estimated: lower and upper end.
    """

    program: Program
    placed: tuple[Placed, ...]
    greedy: int
    bound: int
    tail: tuple[int, int]

    @cached_property
    def head(self) -> int:
        return max((each.end for each in self.placed), default=0)

    @property
    def total(self) -> tuple[int, int]:
        """Head and tail together, estimated: lower and upper end."""
        return self.head + self.tail[0], self.head + self.tail[1]

    @property
    def offsets(self) -> dict[str, int]:
        """The first byte of each tensor that operators write, for an exported file."""
        return {each.buffer.name: each.offset for each in self.placed if each.buffer.planned}

    @cached_property
    def peak(self) -> tuple[Operator | None, tuple[Placed, ...]]:
        """Of the operators at which the arena is used up to its end, the one that needs most; and the buffers there, by
        offset."""
        last = [each.buffer for each in self.placed if each.end == self.head]
        load = _load([each.buffer for each in self.placed])
        at = max((at for each in last for at in range(each.first, each.last + 1)), key=load.__getitem__, default=0)
        there = [each for each in self.placed if each.buffer.first <= at <= each.buffer.last]
        operators = self.program.operators
        return operators[at] if operators else None, tuple(sorted(there, key=lambda each: each.offset))


class _Same:
    """A graph as a cache key, compared by identity."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __hash__(self) -> int:
        return id(self.graph)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.graph is self.graph


def arena(graph: Graph, dtype: str = INT8) -> Arena | None:
    """The arena of a network, None if a layer has no kernel or the network has too many tensors alive at once."""
    return _arena(_Same(graph), dtype)


@lru_cache(maxsize=4)
def _arena(same: _Same, dtype: str) -> Arena | None:
    program = program_of(same.graph, dtype)
    if program.lacking or sum(each.last - each.first for each in buffers(program)) > MOST_ALIVE:
        return None
    return plan(program)


def plan(program: Program) -> Arena:
    """The arena of a program without missing kernels."""
    found = buffers(program)
    greedy = place(found)
    bound = max(_load(found), default=0)
    best = greedy if _end(greedy) == bound or len(found) > MOST_TRIED else _better(found, greedy, bound)
    return Arena(program, tuple(best), _end(greedy), bound, _tail(program))


def buffers(program: Program) -> list[Buffer]:
    """The buffers in the head of the arena, as the runtime counts them: the tensors in order, then scratch memory.

    A tensor is needed from the operator that writes it to the last one that reads it; the image from the first
    operator, the result to the end."""
    size = 4 if program.dtype == FLOAT32 else 1
    end = max(len(program.operators) - 1, 0)
    first, last = {program.input: 0}, {program.input: 0}
    for position, operator in enumerate(program.operators):
        first[operator.output] = last[operator.output] = position
        for tensor in program.computed(operator):
            last[tensor.name] = position
    last[program.output] = end
    found = [Buffer(t.name, _aligned(t.elements * size), first[t.name], last[t.name]) for t in program.written]
    for position, operator in enumerate(program.operators):
        for number, needed in enumerate(_scratch(program, operator), 1):
            found.append(Buffer(f"{operator.output}.scratch{number}", _aligned(needed), position, position, False))
    return found


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def _scratch(program: Program, operator: Operator) -> tuple[int, ...]:
    """Bytes of scratch memory that a reference kernel needs."""
    rank = len(program.tensors[operator.inputs[0]].shape)
    if operator.kernel == "MEAN" and program.dtype != FLOAT32:
        return (4 * program.tensors[operator.output].elements,)
    if operator.kernel == "REDUCE_MAX":
        return (4 * rank, 4 * program.tensors[operator.inputs[1]].elements)
    return (4 * rank, 4 * rank) if operator.kernel == "MIRROR_PAD" else ()


def _load(found: Sequence[Buffer]) -> list[int]:
    """The sum of the buffers needed at each operator."""
    changes = [0] * (max((buffer.last for buffer in found), default=0) + 2)
    for buffer in found:
        changes[buffer.first] += buffer.size
        changes[buffer.last + 1] -= buffer.size
    return list(itertools.accumulate(changes[:-1]))


def place(found: Sequence[Buffer], planned: Mapping[int, int] | None = None) -> list[Placed]:
    """The runtime's greedy plan: buffers with a given offset first, then the largest, of equal ones the last."""
    offsets = dict(planned or {})
    rest = sorted((n for n in range(len(found)) if n not in offsets), key=lambda n: (-found[n].size, -n))
    _fill(found, rest, offsets)
    return [Placed(buffer, offsets[number]) for number, buffer in enumerate(found)]


def _fill(found: Sequence[Buffer], order: Iterable[int], offsets: dict[int, int]) -> None:
    """Give each buffer an offset: the lowest sufficient gap between the buffers needed at the same time."""
    end = max((buffer.last for buffer in found), default=0) + 1
    there: list[list[int]] = [[] for _ in range(end)]  # at each operator, the buffers with an offset
    begun: list[list[int]] = [[] for _ in range(end)]  # of these, the buffers that begin at this operator
    for number in [*offsets, *order]:
        size, first, last, _ = found[number][1:]
        if number not in offsets:
            beside = there[first] + [other for at in begun[first + 1 : last + 1] for other in at]
            offset = 0
            for start, other in sorted((offsets[other], found[other].size) for other in beside):
                if start - offset >= size:
                    break
                offset = max(offset, start + other)
            offsets[number] = offset
        begun[first].append(number)
        for at in there[first : last + 1]:
            at.append(number)


def _end(placed: Sequence[Placed]) -> int:
    return max((each.end for each in placed), default=0)


def _better(found: Sequence[Buffer], greedy: list[Placed], bound: int) -> list[Placed]:
    """The smallest of many plans: the tensors in several orders, then in variations of the best order.

    Scratch memory is not in a file's plan: the runtime fits it between the tensors."""
    import random

    best, chosen = greedy, [n for n, buffer in enumerate(found) if buffer.planned]
    draw = random.Random(0)
    for order in itertools.chain(_orders(found), (None for _ in range(min(TRIES, WORK // len(found) ** 2)))):
        tried = order or _changed(chosen, best, draw)
        offsets: dict[int, int] = {}
        _fill(found, tried, offsets)
        placed = place(found, offsets)
        if _end(placed) <= _end(best):  # an equally small plan is also a start for variations
            best, chosen = placed, tried
        if _end(best) == bound:
            break
    return best


def _orders(found: Sequence[Buffer]) -> Iterator[list[int]]:
    """Good orders: by simultaneous memory, by size, by lifetime, by start."""
    numbers = [n for n, buffer in enumerate(found) if buffer.planned]
    load = _load(found)
    busiest = {n: max(load[found[n].first : found[n].last + 1]) for n in numbers}
    yield sorted(numbers, key=lambda n: (-busiest[n], -found[n].size))
    yield sorted(numbers, key=lambda n: (-found[n].size, found[n].first))
    yield sorted(numbers, key=lambda n: (found[n].first - found[n].last, -found[n].size))
    yield numbers


def _changed(order: Sequence[int], placed: Sequence[Placed], draw: random.Random) -> list[int]:
    """The order with a buffer that reaches the end moved to the front, and two others swapped."""
    highest = [n for n in order if placed[n].end == _end(placed)] or list(order)
    moved = draw.choice(highest)
    changed = [moved, *(n for n in order if n != moved)]
    one, other = (draw.randrange(len(changed)) for _ in range(2))
    changed[one], changed[other] = changed[other], changed[one]
    return changed


def _tail(program: Program) -> tuple[int, int]:
    """The runtime's own data for a program, estimated: lower and upper end.

    The upper end is that of 64-bit pointers, measured with the runtime's own interpreter; with 32 bits it is less."""
    weighted = [operator for operator in program.operators if operator.kernel in WEIGHTED]
    tensors, operators, others = len(program.tensors), len(program.operators), len(program.operators) - len(weighted)
    # a multiplier and a shift for each output channel
    channels = sum(2 * _aligned(4 * program.tensors[operator.inputs[2]].elements) for operator in weighted)
    most = 800 + 24 * tensors + 64 * operators + 128 * len(weighted) + 64 * others + channels
    return most // 2 + channels // 2, most
