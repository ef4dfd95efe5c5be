"""A grouped convolution that looks like a depthwise one and is not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Conv2d
from archbuilder.remedy import Change, Hint

GROUPED = declare(
    "AB404",
    "a grouped convolution that is not depthwise",
    severity="warning",
    why=(
        "A depthwise convolution has as many groups as channels. Fewer groups cost more; before a 1x1 convolution they "
        "are usually a mistake, and a depthwise separable pair was meant."
    ),
    bad="""\
- conv: 8
- grouped: {out: 8, groups: 2}
- pointwise: 8""",
    good="""\
- conv: 8
- depthwise_separable: 8""",
)


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """A grouped conv with a window before a 1x1 conv: probably meant as depthwise separable, but groups < channels."""
    for (node, op), (_, after) in pairwise(facts.nodes_of(Conv2d)):
        if op.groups == 1 or op.kernel == (1, 1) or after.kernel != (1, 1) or after.groups > 1:
            continue
        channels = graph.inputs(node)[0].c
        if op.groups < channels:
            message = f"{node.name}: groups={op.groups} of {channels} channels is grouped, not depthwise"
            yield GROUPED.at(node.place.span("groups"), message, _depthwise(node, op, channels))


def _depthwise(node: Node, op: Conv2d, channels: int) -> Hint:
    """The edit that makes the block a depthwise conv, if that is possible."""
    say = "use depthwise, or depthwise_separable for the pair"
    if node.block not in ("conv", "grouped") or op.out % channels:
        return say
    multiplier = op.out // channels
    fields = {"multiplier": str(multiplier)} if multiplier > 1 else {}
    return Change(fields, ("groups", "out"), "depthwise", say=say)
