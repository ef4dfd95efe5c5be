"""Where the receptive field of a network is read: before its global pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, Conv2d, Gate, MaxPool2d, Upsample
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shapes


class _Passed(NamedTuple):
    """What every path from the image to a value has passed, each by the name of the value that entered it.

    `whole` is the first global pool; `average` the last average or adaptive pool, unless a window has followed;
    `last` is the last map, which the value itself may be.  None where a path has passed no such pool.
    """

    whole: str | None
    average: str | None
    last: str


def field_value(graph: Graph, reaches: Mapping[str, Reach]) -> str:
    """The name of the value whose field a limit means.

    The value that enters the first global pool that every path to the output passes: a pool on one path of
    several, as in ASPP, ends no map, and the gate of a squeeze-excite lies on none.  Where none is global, the one
    that enters the last average or adaptive pool, if no window follows that; else the last map before flatten or
    the output.  Where each path has a pool of its own, the value of the largest field.
    """
    passed = {INPUT: _Passed(None, None, INPUT)}
    for node in graph.nodes.values():
        paths = [passed[name] for name in (node.inputs[:1] if isinstance(node.op, Gate) else node.inputs)]
        passed[node.name] = _through(node, graph.inputs(node), _met(paths, reaches))
    whole, average, last = passed[graph.output]
    return whole or average or last


def _through(node: Node, shapes: Shapes, before: _Passed) -> _Passed:
    op, entering = node.op, node.inputs[0]
    whole, average, last = before
    if whole is None and isinstance(op, (AdaptivePool, AvgPool2d, MaxPool2d)) and op.is_global(shapes):
        whole = entering
    if isinstance(op, (AdaptivePool, AvgPool2d)):
        average = entering
    elif _looks_around(node):
        average = None
    return _Passed(whole, average, last if node.shape.flat else node.name)


def _looks_around(node: Node) -> bool:
    """Whether units see their neighbours; a window that leaves one pixel of a map is a linear layer in another form."""
    op = node.op
    window = isinstance(op, (Conv2d, MaxPool2d)) and op.kernel != (1, 1)
    return (window or isinstance(op, Upsample)) and (node.shape.h, node.shape.w) != (1, 1)


def _met(paths: Sequence[_Passed], reaches: Mapping[str, Reach]) -> _Passed:
    """Where paths meet, only what each of them has passed counts."""
    if len(paths) == 1:
        return paths[0]

    def largest(names: Sequence[str]) -> str:
        return max(names, key=lambda name: sum(reaches[name].size))

    whole, average = [path.whole for path in paths if path.whole], [path.average for path in paths if path.average]
    return _Passed(
        largest(whole) if len(whole) == len(paths) else None,
        largest(average) if len(average) == len(paths) else None,
        largest([path.last for path in paths]),
    )


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
