"""Convolutions on maps too small for them, which read padding instead of the map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.op import by
from archbuilder.ir.ops import Conv2d, Pad2d
from archbuilder.ir.shape import Shape

DEAD = declare(
    "AB407",
    "weights that only see padding",
    severity="warning",
    why=(
        "These weights are multiplied by zeros at every position and learn nothing. The kernel is effectively smaller, "
        "but all its parameters count (Chen et al., Rethinking atrous convolution, 2017)."
    ),
    bad="- conv: {out: 8, kernel: [1, 65]}",
    good="- conv: {out: 8, kernel: [1, 31]}",
)
MOSTLY = declare(
    "AB408",
    "a convolution that mostly reads padding",
    severity="warning",
    why=(
        "If the window is as large as the map, most of what it reads is zero padding. The theoretical receptive field "
        "grows, but the image contributes little to it."
    ),
    bad="""\
- conv: {out: 8, kernel: 29, padding: valid}
- conv: {out: 8, kernel: 7}""",
    good="""\
- conv: {out: 8, kernel: 29, padding: valid}
- conv: {out: 8, kernel: 3}""",
)


MAX_KERNEL = 100  # pixels; larger kernels are not examined
MOST = 2 / 3  # a 3x3 kernel with dilation 2 on a 4x4 map is still below it

Pair = tuple[int, int]


class Axis(NamedTuple):
    """For one axis: how many taps ever read a pixel of the map, and the share of reads that are of the map."""

    alive: int
    map: float


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """Convs with taps that are outside the map at every position, or that mostly read padding.

    With growing dilation a 3x3 conv degenerates to a 1x1 conv: Chen et al., Rethinking Atrous Convolution, 2017.
    """
    outgrown: list[tuple[Node, Diagnostic]] = []
    for node, finding in _findings(graph, facts):
        if _is_outgrown(graph, node):
            outgrown.append((node, finding))
        else:
            yield finding
    if outgrown:
        yield _for_all(outgrown[0][1], [node for node, _ in outgrown[1:]])


def outgrown_convs(graph: Graph, facts: Facts) -> set[str]:
    """The convs that read padding because strides left a map that is smaller than their kernel.

    They have one common cause, which is reported once, at the first conv; other lints do not report its
    consequences."""
    return {node.name for node, _ in _findings(graph, facts) if _is_outgrown(graph, node)}


def _is_outgrown(graph: Graph, node: Node) -> bool:
    x, op = graph.inputs(node)[0], node.op
    assert isinstance(op, Conv2d)
    sides = zip((x.h, x.w), op.kernel, (graph.input.h, graph.input.w), strict=True)
    return any(side < min(kernel, whole) for side, kernel, whole in sides)


def _for_all(finding: Diagnostic, others: Sequence[Node]) -> Diagnostic:
    """The finding, extended by the number of other convs with the same cause."""
    if not others:
        return finding
    convs = "another conv" if len(others) == 1 else f"{len(others)} more convs"
    message = f"{finding.message}; the same applies to {convs} after it, up to {others[-1].name}"
    return finding.code.at(finding.span, message, "use smaller strides before it, or remove the convs after it")


def _findings(graph: Graph, facts: Facts) -> Iterator[tuple[Node, Diagnostic]]:
    """The findings of each conv."""
    for node, op in facts.nodes_of(Conv2d):
        if op.kernel == (1, 1) or op.padding_mode != "zeros" or max(op.kernel) > MAX_KERNEL:
            continue
        x, lead, trail = _map_and_padding(graph, node, op)
        if not all(map(_harmless, op.kernel, op.stride, op.dilation, map(max, lead, trail), (x.h, x.w))):
            sizes = zip(op.kernel, op.stride, op.dilation, lead, (x.h, x.w), (node.shape.h, node.shape.w), strict=True)
            yield from ((node, found) for found in _judge(node, op, x, *(_hits(*axis) for axis in sizes)))


def _harmless(kernel: int, stride: int, dilation: int, padding: int, side: int) -> bool:
    """Whether the map is so much larger than the window that padding cannot matter."""
    span = dilation * (kernel - 1)
    roomy = side > 2 * span if stride == 1 else side > span + max(span, stride) and padding <= stride
    return padding == 0 or (roomy and padding <= span)


def _map_and_padding(graph: Graph, node: Node, op: Conv2d) -> tuple[Shape, Pair, Pair]:
    """The map without padding, and the padding before and after it, as (height, width)."""
    before, (top, left) = graph.nodes.get(node.inputs[0]), op.padding
    if before and isinstance(before.op, Pad2d) and before.op.mode == "zeros":
        pad, x = before.op, graph.inputs(before)[0]
        return x, (top + pad.top, left + pad.left), (top + pad.bottom, left + pad.right)
    return graph.inputs(node)[0], (top, left), (top, left)


@lru_cache(maxsize=256)  # repeated blocks ask for the same
def _hits(kernel: int, stride: int, dilation: int, lead: int, side: int, units: int) -> Axis:
    hits = []
    for offset in range(-lead, kernel * dilation - lead, dilation):
        first, last = max(0, -(offset // stride)), min(units - 1, (side - 1 - offset) // stride)
        hits.append(max(0, last - first + 1))
    return Axis(sum(n > 0 for n in hits), sum(hits) / (kernel * units))


def _judge(node: Node, op: Conv2d, x: Shape, rows: Axis, columns: Axis) -> Iterator[Diagnostic]:
    taps = op.kernel[0] * op.kernel[1]
    alive = rows.alive * columns.alive
    padding = 1 - rows.map * columns.map
    dilated = op.dilation != (1, 1)
    kernel = f"{op.kernel[0]}x{op.kernel[1]} kernel" + (f" with dilation {by(op.dilation)}" if dilated else "")
    hint = "use a smaller dilation" if dilated else "use pointwise" if (x.h, x.w) == (1, 1) else "use a smaller kernel"
    hint += ", or smaller strides before it"
    place = node.place.span("dilation" if dilated else "kernel")
    if alive < taps:
        dead = f"{taps - alive} of the {taps} taps of a {kernel}"
        message = f"{node.name}: {dead} read only padding: the map is {x.h}x{x.w}"
        yield DEAD.at(place, message, hint)
    elif padding > MOST:
        message = f"{node.name}: {100 * padding:.0f} % of what a {kernel} reads is padding: the map is {x.h}x{x.w}"
        yield MOSTLY.at(place, message, hint)
