"""Dilations that skip pixels: a unit does not read all pixels that its receptive field spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archbuilder.analysis.coverage import View, views
from archbuilder.analysis.facts import Facts
from archbuilder.analysis.visible_pixels import Touched, touched
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Conv2d
from archbuilder.ir.reach import Reach

GRIDDING = declare(
    "AB405",
    "dilations that leave gaps in the receptive field",
    severity="warning",
    why=(
        "If the dilations of consecutive convolutions share a common factor, they always skip the same pixels. The "
        "receptive field spans these pixels, but they have no influence on the output (Wang et al., Understanding "
        "convolution for semantic segmentation, 2018)."
    ),
    bad="""\
- dilated: {out: 8, dilation: 2}
- dilated: {out: 8, dilation: 2}
- dilated: {out: 8, dilation: 2}
- gap""",
    good="""\
- conv: 8
- dilated: {out: 8, dilation: 2}
- dilated: {out: 8, dilation: 7}
- gap""",
)

MOST = 0.9  # of the pixels in the span: a single gap is not a grid
HINT = "increase the dilation in steps (1, 2, 4) or add a conv without: no step should exceed the field so far"


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """One finding, at the dilation after which the middle unit of the map before the global pool misses pixels of the
    image.

    Source: Wang et al., Understanding Convolution for Semantic Segmentation, 2018 (gridding).
    """
    jumps = any(_jumps(op, facts.reaches[node.inputs[0]]) for node, op in facts.nodes_of(Conv2d))
    if not jumps or facts.field.status in ("upper bound", "unknown"):
        return
    for axis, view in enumerate(views(facts)):
        sets = touched(facts, axis)
        if sets is None or not sets[facts.value].has_holes:
            continue
        node = _origin(graph, sets, facts.value)
        if view.touched < MOST * view.inside and isinstance(node.op, Conv2d) and node.op.dilation[axis] > 1:
            yield GRIDDING.at(node.place.span("dilation"), _message(node, view, ("rows", "columns")[axis]), HINT)


def _jumps(op: Conv2d, before: Reach) -> bool:
    """Whether a dilation is larger than the field of its input units: only then can there be gaps."""
    (dh, dw), (h, w) = op.dilation, before.stride
    return (dh > 1 and dh * h > before.h.size) or (dw > 1 and dw * w > before.w.size)


def _origin(graph: Graph, sets: Mapping[str, Touched], value: str) -> Node:
    """The layer at which the gaps that are still there at `value` began."""
    node = graph.nodes[value]
    while name := next((name for name in node.inputs if sets[name].has_holes), None):
        node = graph.nodes[name]
    return node


def _message(node: Node, view: View, word: str) -> str:
    return (
        f"{node.name}: from here on the taps skip pixels: the middle unit before the global pool spans "
        f"{view.inside} {word} of the image but reads only {view.touched} of them "
        f"({100 * view.touched // view.inside} %)"
    )
