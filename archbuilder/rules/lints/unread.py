"""Pixels of a map that are computed but never read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.visible_pixels import reads
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.op import by
from archbuilder.ir.ops import AvgPool2d, Conv2d, MaxPool2d, Pad2d

UNREAD = declare(
    "AB411",
    "pixels that a stride skips",
    severity="warning",
    why=(
        "The layers before compute these pixels, and no later layer reads them. That wastes time, or the network does "
        "not see a border of the image."
    ),
    bad="- pointwise: {out: 8, stride: 2}",
    good="- strided: 8",
)

Windowed = AvgPool2d | Conv2d | MaxPool2d

STEP = "use a kernel at least as large as the stride: pixels between the windows are computed for nothing"
DILATION = "stride and dilation with a common factor read the same pixels at every step: use a stride without dilation"
END = "pad by one more pixel (padding: same), or choose kernel and stride so that the last window ends with the map"


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """Strides whose windows end before the map or skip pixels of it, if nothing else reads these pixels."""
    strided = {node.name: node for node, op in facts.nodes_of(Conv2d) if op.stride != (1, 1)}
    for node, op in facts.nodes_of(AvgPool2d, MaxPool2d):
        if op.stride != (1, 1) and (node.shape.h, node.shape.w) != (1, 1):  # AB401 reports pools to 1x1
            strided[node.name] = node
    for name in dict.fromkeys(node.inputs[0] for node in strided.values()):
        readers = facts.readers[name]
        if all(node.name in strided for node in readers):
            yield from _judge(graph, name, readers)


def _judge(graph: Graph, name: str, readers: Sequence[Node]) -> Iterator[Diagnostic]:
    before = graph.nodes.get(name)
    pad = before.op if before and isinstance(before.op, Pad2d) else Pad2d(0, 0, 0, 0)  # padded zeros need not be read
    x, node = graph.shape(name), readers[0]
    rows, rows_end = _unread(readers, 0, x.h - pad.top - pad.bottom, pad.top)
    columns, columns_end = _unread(readers, 1, x.w - pad.left - pad.right, pad.left)
    if not rows + columns:
        return
    assert isinstance(node.op, Windowed)
    dilated = node.op.dilation != (1, 1) and f" with dilation {by(node.op.dilation)}"
    parts = [_part(rows, rows_end, "row"), _part(columns, columns_end, "column")]
    message = (
        f"{node.name}: stride {by(node.op.stride)}{dilated or ''} leaves "
        f"{' and '.join(part for part in parts if part)} of the {x.h}x{x.w} map unread"
    )
    ends = (rows, columns) == (rows_end, columns_end)
    yield UNREAD.at(node.place.span("stride"), message, END if ends else DILATION if dilated else STEP)


def _part(unread: int, end: int, word: str) -> str:
    if unread == end == 1:
        return f"the last {word}"
    words = f"{unread} {word}{'s' * (unread > 1)}" if unread else ""
    return f"the last {words}" if unread == end and unread else words


def _unread(readers: Sequence[Node], axis: int, side: int, lead: int) -> tuple[int, int]:
    """How many pixels of a side are never read, and how many of them are at its end."""
    bits = 0
    for node in readers:
        assert isinstance(node.op, Windowed)
        bits |= reads(node.op, (1 << node.shape[1 + axis]) - 1, axis, lead + side)
    bits >>= lead
    return side - bits.bit_count(), side - bits.bit_length()
