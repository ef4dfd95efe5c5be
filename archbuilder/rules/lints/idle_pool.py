"""A pool that gives back what it gets."""

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
    """A window of one pixel at every pixel; a global pool of a map that has only one."""
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
            continue  # the same strides have left nothing to average, and they are reported
        single = "stride less before it: there is one pixel left to average"
        hint = single if (h, w) == (1, 1) else Remove()
        yield IDLE.at(node.place.span("kernel"), message, hint)
