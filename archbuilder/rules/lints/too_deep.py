"""Convolutions after the layer at which every unit already sees the whole image."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Conv2d
from archbuilder.rules.lints.padding_only import outgrown_convs

TOO_DEEP = declare(
    "AB410",
    "depth that the resolution cannot use",
    severity="warning",
    why=(
        "From some layer on, every unit already sees the whole image. Later layers combine features, but cannot find "
        "larger patterns; on a larger input they could (Richter et al., Should you go deeper?, 2021)."
    ),
    bad="""\
- conv: {out: 8, kernel: 17}
- conv: {out: 8, kernel: 17}
- conv: 8
- conv: 8""",
    good="""\
- conv: {out: 8, kernel: 17}
- conv: {out: 8, kernel: 17}
- conv: 8""",
)

HINT = "remove some of them, stride or dilate less before them, or use a larger input"


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """One finding if at least half of the convs read a map whose units span the whole image by the shortest path.

    A window adds no context there: Richter et al., Should You Go Deeper?, 2021 (border layers).
    """
    if facts.field.status in ("upper bound", "unknown"):
        return
    windows = [node for node, op in facts.nodes_of(Conv2d) if op.kernel != (1, 1)]
    idle = []
    for node in windows:
        reach = facts.reaches[node.inputs[0]]
        if reach.h.least >= graph.input.h and reach.w.least >= graph.input.w:
            idle.append(node)
    if idle and 2 * len(idle) >= len(windows) and not {node.name for node in idle} <= outgrown_convs(graph, facts):
        message = (
            f"at {idle[0].name} a unit already spans the whole {graph.input.h}x{graph.input.w} image, even by its "
            f"shortest path: {len(idle)} of the {len(windows)} convs with a window can add no context"
        )
        yield TOO_DEEP.at(idle[0].span, message, HINT)
