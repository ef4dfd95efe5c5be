"""Where the receptive field of a network is read: before its global pool."""

from __future__ import annotations

from archbuilder.ir.graph import INPUT, Graph
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, Flatten, Gate, Linear, MaxPool2d


def field_value(graph: Graph) -> str:
    """The name of the value whose field a limit means.

    The value that enters the first global pool; where none is global, the last average or adaptive pool;
    where there is none, the last map before flatten, linear or the output.
    """
    average, last_map, gates = None, INPUT, inside_gates(graph)
    for node in graph.nodes.values():
        if node.name in gates:
            continue
        op, (x, *_) = node.op, graph.inputs(node)
        if isinstance(op, (AdaptivePool, AvgPool2d, MaxPool2d)) and op.is_global((x,)):
            return node.inputs[0]
        if isinstance(op, (AvgPool2d, AdaptivePool)):
            average = node.inputs[0]
        if isinstance(op, (Flatten, Linear)):
            break
        last_map = node.name
    return average or last_map


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
