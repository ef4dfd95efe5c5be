"""The indices of the image that a unit is computed from, found by walking back: per axis a set, merged by union."""

from __future__ import annotations

import math
from collections.abc import Iterator

from archbuilder.ir import ops
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shape

MAX_PATHS = 128

NEUTRAL = (
    ops.Activation,
    ops.BatchNorm2d,
    ops.ChannelNorm,
    ops.Dropout,
    ops.GroupNorm,
    ops.InstanceNorm2d,
    ops.Rescale,
)
MERGES = (ops.Add, ops.Concat, ops.Multiply)
MOVED = (ops.ChannelPad, ops.ChannelShuffle, ops.ChannelSlice)
# one unit of these reads one unit of each input, for a gate of the first
POINTWISE = (*NEUTRAL, *MERGES, *MOVED, ops.ChannelScale, ops.Linear)

Step = tuple[Op, Shape]  # an op and the shape of its input


def sources(node: Node) -> tuple[str, ...]:
    """The values that a node's field is made of: for a gate the map alone, without its factors."""
    return node.inputs[:1] if isinstance(node.op, ops.Gate) else node.inputs


def reads(step: Step, axis: int, indices: set[int]) -> set[int]:
    """The indices of its input, borders ignored, that an op reads for some indices of its output."""
    op, x = step
    if isinstance(op, (*POINTWISE, ops.Gate)):
        return indices
    if isinstance(op, ops.Pad2d):
        return {index - (op.top, op.left)[axis] for index in indices}
    side = x[1 + axis]
    if isinstance(op, (ops.Conv2d, ops.MaxPool2d, ops.AvgPool2d)):
        dilation = 1 if isinstance(op, ops.AvgPool2d) else op.dilation[axis]
        taps = range(0, dilation * op.kernel[axis], dilation)
        return {op.stride[axis] * index - op.padding[axis] + tap for index in indices for tap in taps}
    if isinstance(op, ops.AdaptivePool):
        bins = op.size[axis]
        return {i for index in indices for i in range(index * side // bins, -(-(index + 1) * side // bins))}
    if isinstance(op, ops.Flatten):
        return {i for index in indices for i in range(side * index, side * (index + 1))}
    if isinstance(op, ops.Upsample):
        factor = op.factor[axis]
        if not op.bilinear or factor == 1:
            return {index // factor for index in indices}
        before = {math.floor((index + 0.5) / factor - 0.5) for index in indices}  # align_corners=False
        return before | {index + 1 for index in before}
    raise TypeError(f"the walk does not know what {type(op).__name__} reads")


def walk(graph: Graph, axis: int, unit: int) -> set[int]:
    """The indices of the input, borders ignored, that one unit of the output is computed from; gates left out."""
    wanted: dict[str, set[int]] = {name: set() for name in (INPUT, *graph.nodes)}
    wanted[graph.output] = {unit}
    for node in reversed(graph.nodes.values()):
        for name in sources(node):
            step = (node.op, graph.shape(name))
            wanted[name] |= reads(step, axis, wanted[node.name])
    return wanted[INPUT]


def chains(graph: Graph, value: str) -> Iterator[list[Step]]:
    """Every path from a value back to the input, gates left out, up to MAX_PATHS of them."""
    stack: list[tuple[str, list[Step]]] = [(value, [])]
    found = 0
    while stack and found < MAX_PATHS:
        name, path = stack.pop()
        if name == INPUT:
            found += 1
            yield path
            continue
        node = graph.nodes[name]
        stack.extend((source, [*path, (node.op, graph.shape(source))]) for source in sources(node))


def span(path: list[Step], axis: int) -> int:
    """How many pixels unit 0 spans through one path alone."""
    wanted = {0}
    for step in path:
        wanted = reads(step, axis, wanted)
    return max(wanted) - min(wanted) + 1
