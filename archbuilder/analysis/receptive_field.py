"""Where the receptive field of a network is measured: before its global pool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, Conv2d, Gate, MaxPool2d, Upsample
from archbuilder.ir.reach import Reach

Reaches = Mapping[str, Reach]

POOLS = (AdaptivePool, AvgPool2d, MaxPool2d)
WINDOWS = {*POOLS, Conv2d, Upsample}  # ops are final: their type says all, and is asked quicker than isinstance


class _Passed(NamedTuple):
    """The pools that every path from the image to a value has passed, each given by the name of its input value.

    `whole` is the first global pool, `average` the last average or adaptive pool, unless a window followed it. None if
    some path has passed no such pool.
    """

    whole: str | None = None
    average: str | None = None


def field_value(graph: Graph, reaches: Reaches) -> str:
    """The name of the value whose field the limit `receptive_field` means.

    It is the input of the first global pool that every path to the output passes. A pool on only one of several paths,
    as in ASPP, does not count, and neither does the gate of a squeeze-excite. Without a global pool, it is the input of
    the last average or adaptive pool, if no window follows that pool; else the last map before flatten or the output.
    If each path has its own pool, it is the value with the largest field.
    """
    passed = {INPUT: _Passed()}
    for name, node in graph.nodes.items():
        before = passed[node.inputs[0]]
        if len(node.inputs) > 1 and not isinstance(node.op, Gate):
            before = _met([passed[name] for name in node.inputs], reaches)
        passed[name] = _through(graph, node, before) if type(node.op) in WINDOWS else before
    whole, average = passed[graph.output]
    return whole or average or _last_map(graph, reaches)


def _through(graph: Graph, node: Node, before: _Passed) -> _Passed:
    op, (entering, *_) = node.op, node.inputs
    if isinstance(op, POOLS) and op.is_global(graph.inputs(node)):
        before = before._replace(whole=before.whole or entering)
    if isinstance(op, (AdaptivePool, AvgPool2d)):
        return before._replace(average=entering)
    return before._replace(average=None) if before.average and _looks_around(node) else before


def _looks_around(node: Node) -> bool:
    """Whether units see their neighbours. A window that reduces a map to one pixel does not count: it is a linear layer
    in another form."""
    op = node.op
    window = isinstance(op, (Conv2d, MaxPool2d)) and op.kernel != (1, 1)
    return (window or isinstance(op, Upsample)) and (node.shape.h, node.shape.w) != (1, 1)


def _met(paths: list[_Passed], reaches: Reaches) -> _Passed:
    """Where paths merge, only pools that each of them has passed count."""
    whole, average = [path.whole for path in paths if path.whole], [path.average for path in paths if path.average]
    return _Passed(
        _largest(whole, reaches) if len(whole) == len(paths) else None,
        _largest(average, reaches) if len(average) == len(paths) else None,
    )


def _last_map(graph: Graph, reaches: Reaches) -> str:
    """The output, or if that is a vector the map from which it is made."""
    last: dict[str, str] = {}  # per vector, the map from which it is made
    for node in graph.nodes.values():
        if node.shape.flat:
            last[node.name] = _largest((last.get(name, name) for name in node.inputs), reaches)
    return last.get(graph.output, graph.output)


def _largest(values: Iterable[str], reaches: Reaches) -> str:
    return max(values, key=lambda value: sum(reaches[value].size))


def inside_gates(graph: Graph) -> set[str]:
    """Nodes that only compute the factors of a gate: their pool does not count as the global pool."""
    inside: set[str] = set()
    for node in graph.nodes.values():
        if isinstance(node.op, Gate):
            gated, name = node.inputs
            while name != gated and name in graph.nodes:
                inside.add(name)
                name = graph.nodes[name].inputs[0]
    return inside
