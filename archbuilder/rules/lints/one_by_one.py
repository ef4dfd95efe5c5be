"""Settings that do nothing useful on a 1x1 convolution."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Conv2d

DILATED = declare("AB402", "a dilation that does nothing", severity="warning")
PADDED = declare("AB403", "a padded 1x1 convolution", severity="warning")


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """A dilation on a 1x1 kernel has no effect; padding on it grows the map by a border of bias."""
    for node, op in facts.nodes_of(Conv2d):
        if op.kernel != (1, 1):
            continue
        if op.dilation != (1, 1):
            message = f"{node.name}: dilation on a 1x1 kernel does nothing"
            yield DILATED.at(node.place.span("dilation"), message, "leave it out")
        if op.padding != (0, 0):
            x = graph.inputs(node)[0]
            message = f"{node.name}: padding a 1x1 kernel puts a border of zeros around the map ({x} to {node.shape})"
            yield PADDED.at(node.place.span("padding"), message, "use padding: 0")
