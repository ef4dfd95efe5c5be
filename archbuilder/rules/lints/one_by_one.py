"""Settings that have no use on a 1x1 convolution."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Conv2d
from archbuilder.remedy import Change

DILATED = declare(
    "AB402",
    "a dilation that does nothing",
    severity="warning",
    why=(
        "Dilation spreads the taps of a kernel. A kernel of one pixel has nothing to spread, so the receptive field "
        "stays the same whatever the dilation is."
    ),
    bad="- pointwise: {out: 8, dilation: 2}",
    good="""\
- conv: 8
- dilated: {out: 8, dilation: 2}""",
)
PADDED = declare(
    "AB403",
    "a padded 1x1 convolution",
    severity="warning",
    why=(
        "A 1x1 kernel needs no padding to keep the size of the map. With padding, the map grows by a border that "
        "contains only the bias, and every later layer has to process it."
    ),
    bad="- pointwise: {out: 8, padding: 1}",
    good="- pointwise: 8",
)


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """Dilation of a 1x1 kernel, which has no effect, and padding, which adds a border that contains only the bias."""
    for node, op in facts.nodes_of(Conv2d):
        if op.kernel != (1, 1):
            continue
        if op.dilation != (1, 1):
            message = f"{node.name}: dilation has no effect on a 1x1 kernel"
            yield DILATED.at(node.place.span("dilation"), message, _undilated(node.block))
        if op.padding != (0, 0):
            x = graph.inputs(node)[0]
            message = f"{node.name}: padding a 1x1 kernel adds a border of zeros around the map ({x} to {node.shape})"
            yield PADDED.at(node.place.span("padding"), message, Change({"padding": "0"}, say="use {}"))


def _undilated(block: str) -> Change:
    """The edit that removes the dilation; a `dilated` block becomes a conv, because its default dilation is over 1."""
    return Change(drop=("dilation",), word="conv" if block == "dilated" else "", say="remove it")
