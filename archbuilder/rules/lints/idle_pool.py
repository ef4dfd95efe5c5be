"""A pool whose output is its input."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.receptive_field import inside_gates
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, MaxPool2d
from archbuilder.remedy import Remove
from archbuilder.rules.lints.padding_only import outgrown_convs

IDLE = declare(
    "AB413",
    "a pool that changes nothing",
    severity="warning",
    why=(
        "The mean or maximum of a single pixel is that pixel, so the layer does nothing. Usually the map was larger in "
        "an earlier version of the file."
    ),
    bad="""\
- gap
- avg_pool: 1""",
    good="""\
- conv: 8
- gap""",
)


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """A pool with a window of one pixel and stride 1, or a global pool of a map of one pixel."""
    gates = inside_gates(graph)
    idle = [node for node, op in facts.nodes_of(AvgPool2d, MaxPool2d) if op.kernel == op.stride == (1, 1)]
    for node, op in facts.nodes_of(AdaptivePool):
        (x,) = graph.inputs(node)
        if op.size == (x.h, x.w) and node.name not in gates:
            idle.append(node)
    for node in idle:
        h, w = node.shape.h, node.shape.w
        message = f"{node.name}: a pool over single pixels of the {h}x{w} map changes nothing"
        if (h, w) == (1, 1) and outgrown_convs(graph, facts):
            continue  # the strides that left nothing to average are already reported
        single = "use smaller strides before it: only one pixel is left to average"
        hint = single if (h, w) == (1, 1) else Remove()
        yield IDLE.at(node.place.span("kernel"), message, hint)
