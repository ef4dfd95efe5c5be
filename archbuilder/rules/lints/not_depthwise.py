"""A grouped convolution that looks like a depthwise one and is not."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Conv2d

GROUPED = declare("AB404", "a grouped convolution that is not depthwise", severity="warning")


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """Groups over a window, followed by a 1x1 conv: meant as depthwise separable, but groups < channels."""
    nodes = list(graph.nodes.values())
    convs = [node for node in nodes if isinstance(node.op, Conv2d)]
    for node, following in zip(convs, convs[1:], strict=False):
        op, after = node.op, following.op
        assert isinstance(op, Conv2d) and isinstance(after, Conv2d)
        channels = graph.inputs(node)[0].c
        if 1 < op.groups < channels and op.kernel != (1, 1) and after.kernel == (1, 1) and after.groups == 1:
            message = f"{node.name}: groups={op.groups} of {channels} channels is grouped, not depthwise"
            yield GROUPED.at(node.place.span("groups"), message, "use depthwise, or depthwise_separable for the pair")
