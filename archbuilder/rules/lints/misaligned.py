"""Branches whose units look at different places of the image when they are merged."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Add, Concat, Multiply
from archbuilder.ir.reach import Pixels, Reach

MISALIGNED = declare(
    "AB406",
    "branches with different centres",
    severity="warning",
    why=(
        "Units at the same position of two branches look at different places of the image. Merging them blurs or "
        "shifts the features, by half a pixel for every window of even size."
    ),
    bad="- branches: {paths: [[{strided: 8}], [{avg_pool: 2}]]}",
    good="- branches: {paths: [[{strided: 8}], [{avg_pool: {kernel: 3, stride: 2, padding: 1}}]]}",
)

HINT = "pad the branches equally; a window of even size is off-centre, and each stride multiplies that offset"


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """One finding per merge whose branches are centred on different pixels; branches whose field is only a bound are
    ignored."""
    for node, _ in facts.nodes_of(Add, Concat, Multiply):
        reaches = [facts.reaches[name] for name in node.inputs]
        if len(set(map(_twice_centre, reaches))) > 1 and facts.reaches[node.name].status in ("exact", "whole input"):
            found = zip(node.inputs, reaches, strict=True)
            shown = ", ".join(f"{name} on ({reach.h.centre():g}, {reach.w.centre():g})" for name, reach in found)
            message = f"{node.name}: unit 0 of each branch is centred on a different pixel (row, column): {shown}"
            yield MISALIGNED.at(node.span, message, HINT)


def _twice_centre(reach: Reach) -> tuple[Pixels, Pixels]:
    return reach.h.lo + reach.h.hi, reach.w.lo + reach.w.hi
