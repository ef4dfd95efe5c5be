"""Layers that recipes treat specially, found by their place in the graph."""

from __future__ import annotations

from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.ops import Add, BatchNorm2d, ChannelNorm, Conv2d, Dropout, GroupNorm, InstanceNorm2d, Linear, Pad2d

NORMS = (BatchNorm2d, ChannelNorm, GroupNorm, InstanceNorm2d)


def weighted(graph: Graph) -> list[Node]:
    """The convs and linear layers in execution order, each once."""
    return [node for node in graph.nodes.values() if type(node.op) in (Conv2d, Linear) and not node.shared]


def stem(graph: Graph) -> Node | None:
    """The conv whose input is the image itself (possibly padded), or None."""
    first = next(iter(weighted(graph)), None)
    if first is None or not isinstance(first.op, Conv2d):
        return None
    source = first.inputs[0]
    while source != INPUT and isinstance(graph.nodes[source].op, Pad2d):
        source = graph.nodes[source].inputs[0]
    return first if source == INPUT else None


def residual_ends(graph: Graph) -> list[Node]:
    """The affine norms whose output a skip adds to its shortcut.

    A norm followed by an activation does not count: once its gain is 0, a ReLU would keep it from learning.
    """
    found = []
    for node in graph.nodes.values():
        if isinstance(node.op, Add) and node.block == "skip":
            end = graph.nodes.get(node.inputs[0])
            while end is not None and isinstance(end.op, Dropout):
                end = graph.nodes.get(end.inputs[0])
            if end is not None and isinstance(end.op, NORMS) and end.op.affine and not end.shared:
                found.append(end)
    return found
