"""Where the receptive field of a network is read: before its global pool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, Conv2d, Gate, MaxPool2d, Upsample
from archbuilder.ir.reach import Reach

Reaches = Mapping[str, Reach]


class _Passed(NamedTuple):
    """The pools that every path from the image to a value has passed, each by the name of the value that entered it.

    `whole` is the first global pool; `average` the last average or adaptive pool, unless a window has followed.  None
    where a path has passed no such pool.
    """

    whole: str | None = None
    average: str | None = None


def field_value(graph: Graph, reaches: Reaches) -> str:
    """The name of the value whose field a limit means.

    The value that enters the first global pool that every path to the output passes: a pool on one path of
    several, as in ASPP, ends no map, and the gate of a squeeze-excite lies on none.  Where none is global, the one
    that enters the last average or adaptive pool, if no window follows that; else the last map before flatten or
    the output.  Where each path has a pool of its own, the value of the largest field.
    """
    passed = {INPUT: _Passed()}
    for node in graph.nodes.values():
        first, *others = node.inputs
        before = passed[first]
        if others and not isinstance(node.op, Gate):
            before = _met([passed[name] for name in node.inputs], reaches)
        passed[node.name] = _through(graph, node, before)
    whole, average = passed[graph.output]
    return whole or average or _last_map(graph, reaches)


def _through(graph: Graph, node: Node, before: _Passed) -> _Passed:
    op, (entering, *_) = node.op, node.inputs
    if isinstance(op, (AdaptivePool, AvgPool2d, MaxPool2d)) and op.is_global(graph.inputs(node)):
        before = before._replace(whole=before.whole or entering)
    if isinstance(op, (AdaptivePool, AvgPool2d)):
        return before._replace(average=entering)
    return before._replace(average=None) if before.average and _looks_around(node) else before


def _looks_around(node: Node) -> bool:
    """Whether units see their neighbours; a window that leaves one pixel of a map is a linear layer in another form."""
    op = node.op
    window = isinstance(op, (Conv2d, MaxPool2d)) and op.kernel != (1, 1)
    return (window or isinstance(op, Upsample)) and (node.shape.h, node.shape.w) != (1, 1)


def _met(paths: list[_Passed], reaches: Reaches) -> _Passed:
    """Where paths meet, only what each of them has passed counts."""
    whole, average = [path.whole for path in paths if path.whole], [path.average for path in paths if path.average]
    return _Passed(
        _largest(whole, reaches) if len(whole) == len(paths) else None,
        _largest(average, reaches) if len(average) == len(paths) else None,
    )


def _last_map(graph: Graph, reaches: Reaches) -> str:
    """The output, or the map that it is made of where it is a vector."""
    last: dict[str, str] = {}  # of each vector
    for node in graph.nodes.values():
        if node.shape.flat:
            last[node.name] = _largest((last.get(name, name) for name in node.inputs), reaches)
    return last.get(graph.output, graph.output)


def _largest(values: Iterable[str], reaches: Reaches) -> str:
    return max(values, key=lambda value: sum(reaches[value].size))


def inside_gates(graph: Graph) -> set[str]:
    """Nodes that only compute the factors of a gate: their pool ends no map."""
    inside: set[str] = set()
    for node in graph.nodes.values():
        if isinstance(node.op, Gate):
            gated, name = node.inputs
            while name != gated and name in graph.nodes:
                inside.add(name)
                name = graph.nodes[name].inputs[0]
    return inside
