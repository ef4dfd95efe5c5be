"""Where the receptive field of a network is read: before its global pool."""

from __future__ import annotations

from archbuilder.ir.graph import INPUT, Graph
from archbuilder.ir.ops import AvgPool2d, Flatten, GlobalAvgPool, Linear, MaxPool2d


def field_value(graph: Graph) -> str:
    """The name of the value whose field a limit means.

    The value that enters the first global pool; where none is global, the last average pool;
    where there is none, the last map before flatten, linear or the output.
    """
    average, last_map = None, INPUT
    for node in graph.nodes.values():
        op, (x, *_) = node.op, graph.inputs(node)
        if isinstance(op, (GlobalAvgPool, AvgPool2d, MaxPool2d)) and op.is_global((x,)):
            return node.inputs[0]
        if isinstance(op, AvgPool2d):
            average = node.inputs[0]
        if isinstance(op, (Flatten, Linear)):
            break
        last_map = node.name
    return average or last_map
