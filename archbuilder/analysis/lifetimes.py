"""Which tensors are alive while each layer runs in inference.

Layers run in the order of the graph. Norms, activations and scales work in place unless their input is read again
later; dropouts are removed; flatten and a slice of channels are views. The image counts as a tensor, and a tensor is
freed after its last reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archbuilder.ir.graph import INPUT, Graph
from archbuilder.ir.ops import Dropout


class Live(NamedTuple):
    """Scalars alive at each layer, the position of the layer with the most, and the tensors alive there."""

    scalars: tuple[int, ...]
    peak: int
    tensors: tuple[tuple[str, int], ...]


def live(graph: Graph) -> Live:
    """The tensors alive in one inference of one image."""
    owner = _storages(graph)
    last = _last_uses(graph, owner)
    scalars = tuple(_totals(graph, owner, last))
    peak = scalars.index(max(scalars)) if scalars else 0
    return Live(scalars, peak, tuple(_alive(graph, owner, last, peak)))


class Lifetime(NamedTuple):
    """A tensor: its size in scalars, the layer that makes it (-1: it is the image) and the last layer that reads it.

    `name` is the name of its first value; a layer that works in place, or that is a view, has no tensor of its own."""

    name: str
    scalars: int
    first: int
    last: int


def lifetimes(graph: Graph) -> list[Lifetime]:
    """Every tensor of one inference; those alive at a layer add up to the number from `live`."""
    owner = _storages(graph)
    last, end = _last_uses(graph, owner), len(graph.nodes) - 1
    made = {INPUT: -1} | {name: position for position, name in enumerate(graph.nodes) if owner[name] == name}
    return [
        Lifetime(name, graph.shape(name).elements, first, min(last.get(name, first), end))
        for name, first in made.items()
    ]


def _storages(graph: Graph) -> dict[str, str]:
    """For each value, the value that owns its storage: itself, or the input that it overwrites or views."""
    readers = {name: position for position, node in enumerate(graph.nodes.values()) for name in node.inputs}
    readers[graph.output] = len(graph.nodes)
    owner = {INPUT: INPUT}
    read = dict(readers)  # per storage, the last reader of all values that share it so far
    for position, node in enumerate(graph.nodes.values()):
        source = owner[node.inputs[0]]
        free = node.op.in_place and read[source] <= position
        shares = free or node.op.is_view or isinstance(node.op, Dropout)
        owner[node.name] = source if shares else node.name
        if shares:
            read[source] = max(read[source], readers.get(node.name, position))
    return owner


def _last_uses(graph: Graph, owner: dict[str, str]) -> dict[str, int]:
    """The position of the last use of each storage."""
    last: dict[str, int] = {}
    for position, node in enumerate(graph.nodes.values()):
        for name in (*node.inputs, node.name):
            last[owner[name]] = position
    last[owner[graph.output]] = len(graph.nodes)
    return last


def _totals(graph: Graph, owner: dict[str, str], last: dict[str, int]) -> Iterator[int]:
    """The scalars alive while each layer runs."""
    total = graph.input.elements
    for position, node in enumerate(graph.nodes.values()):
        if owner[node.name] == node.name:
            total += node.shape.elements
        yield total
        used = {owner[name] for name in (*node.inputs, node.name)}
        total -= sum(graph.shape(storage).elements for storage in used if last[storage] <= position)


def _alive(graph: Graph, owner: dict[str, str], last: dict[str, int], at: int) -> Iterator[tuple[str, int]]:
    """The tensors alive while a layer runs, each named after the latest value in its storage."""
    names = {INPUT: INPUT}
    for node in list(graph.nodes.values())[: at + 1]:
        names[owner[node.name]] = node.name
    for storage, name in names.items():
        if last.get(storage, 0) >= at:
            yield name, graph.shape(storage).elements
