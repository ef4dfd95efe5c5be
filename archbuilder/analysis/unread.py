"""Rows and columns of the image that no unit of the map before the global pool is computed from."""

from __future__ import annotations

from typing import NamedTuple

from archbuilder.analysis.bits import MAX_BITS, repeated, spread
from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import Pointwise
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, Conv2d, Gate, MaxPool2d, Pad2d, Upsample
from archbuilder.ir.ops.merge import Merge


class Unread(NamedTuple):
    """Of one axis of the image: how many pixels are never read, and how many of these are its end."""

    pixels: int
    end: int


def unread(facts: Facts) -> tuple[Unread, Unread]:
    """What strides leave over, along height and width; gates left out, and positions on padding."""
    return _axis(facts, 0), _axis(facts, 1)


def _axis(facts: Facts, axis: int) -> Unread:
    """Walks back from the map with the set of pixels that are read."""
    graph = facts.graph
    read = {facts.value: (1 << graph.shape(facts.value)[1 + axis]) - 1}
    for node in reversed(graph.nodes.values()):
        if bits := read.pop(node.name, 0):
            for name in node.inputs[:1] if isinstance(node.op, Gate) else node.inputs:
                read[name] = read.get(name, 0) | _reads(graph, node, bits, axis, graph.shape(name)[1 + axis])
    side, bits = graph.input[1 + axis], read.get(INPUT, 0)
    return Unread(side - bits.bit_count(), side - bits.bit_length())


def _reads(graph: Graph, node: Node, bits: int, axis: int, side: int) -> int:
    """The pixels of an input that an op reads for some of its output.

    All of them for a norm over the map, for padding made of the map's own pixels, and for bins of unequal size."""
    op, everything = node.op, (1 << side) - 1
    if isinstance(op, (Pointwise, Gate, Merge)) or (isinstance(op, Upsample) and op.factor[axis] == 1):
        return bits
    if isinstance(op, Pad2d) and op.mode == "zeros":
        return bits >> (op.top, op.left)[axis] & everything
    if isinstance(op, (AvgPool2d, MaxPool2d)) or (isinstance(op, Conv2d) and op.padding_mode == "zeros"):
        return reads(op, bits, axis, side)
    if isinstance(op, AdaptivePool) and side % op.size[axis] == 0:
        return repeated(spread(bits, side // op.size[axis]), side // op.size[axis], 1)
    return everything


def reads(op: AvgPool2d | Conv2d | MaxPool2d, units: int, axis: int, side: int) -> int:
    """The pixels of a side that windows read for a set of units; all of a side that is too long to look at."""
    everything = (1 << side) - 1
    if max(side, op.stride[axis], op.kernel[axis] * op.dilation[axis]) > MAX_BITS:
        return everything
    windows = repeated(spread(units, op.stride[axis]), op.kernel[axis], op.dilation[axis])
    return windows >> op.padding[axis] & everything
