"""Settings that do nothing useful on a 1x1 convolution."""

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
    """A dilation on a 1x1 kernel has no effect; padding on it grows the map by a border of bias."""
    for node, op in facts.nodes_of(Conv2d):
        if op.kernel != (1, 1):
            continue
        if op.dilation != (1, 1):
            message = f"{node.name}: dilation on a 1x1 kernel does nothing"
            yield DILATED.at(node.place.span("dilation"), message, _undilated(node.block))
        if op.padding != (0, 0):
            x = graph.inputs(node)[0]
            message = f"{node.name}: padding a 1x1 kernel puts a border of zeros around the map ({x} to {node.shape})"
            yield PADDED.at(node.place.span("padding"), message, Change({"padding": "0"}, say="use {}"))


def _undilated(block: str) -> Change:
    """The block without its dilation, which is what `dilated` has by default."""
    return Change(drop=("dilation",), word="conv" if block == "dilated" else "", say="leave it out")
