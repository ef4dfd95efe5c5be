"""A pool with output 1x1 whose window is smaller than the map: it reads the top-left corner only."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph
from archbuilder.ir.op import Op
from archbuilder.ir.ops import AvgPool2d, MaxPool2d
from archbuilder.remedy import Change

NOT_GLOBAL = declare(
    "AB401",
    "a pool before the classifier that is not global",
    severity="warning",
    why=(
        "A pool right before the classifier that does not cover its whole map is rarely meant. Global average pooling "
        "makes the output independent of the position in the image; a window that is one pixel too small ignores the "
        "rest of the map."
    ),
    bad="""\
- conv: 8
- avg_pool: {kernel: 17}""",
    good="""\
- conv: 8
- gap""",
)


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """One finding per such pool."""
    for node, op in facts.nodes_of(AvgPool2d, MaxPool2d):
        (x,) = graph.inputs(node)
        if (node.shape.h, node.shape.w) == (1, 1):
            seen = [min(k, n) for k, n in zip(op.kernel, (x.h, x.w), strict=True)]
            if seen != [x.h, x.w]:
                message = f"the window covers only {seen[0]}x{seen[1]} of the {x.h}x{x.w} map: this pool is not global"
                yield NOT_GLOBAL.at(node.place.span("kernel"), message, _global(op))


def _global(op: Op) -> Change:
    """The global pool of the same kind."""
    is_mean = isinstance(op, AvgPool2d)
    word, verb = ("gap", "average") if is_mean else ("adaptive_max_pool", "take the maximum of")
    return Change(
        drop=("kernel", "stride", "padding", "dilation"), word=word, say=f"write {{}} to {verb} the whole map"
    )
