"""Two convolutions in a row without a norm or activation between, which cost more than the equivalent single one."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Conv2d

LINEAR = declare(
    "AB412",
    "two convolutions that are equivalent to one",
    severity="warning",
    why=(
        "Without a norm or an activation between them, two convolutions are one linear map. A single convolution "
        "computes the same, usually with fewer parameters."
    ),
    bad="""\
- conv: {out: 8, order: conv}
- conv: 8""",
    good="""\
- conv: 8
- conv: 8""",
)


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """A conv directly followed by another, if a single conv computes the same (except at borders) with fewer weights.

    A pair that saves weights (depthwise and pointwise, or a narrow layer between two wide ones) is intended.
    """
    shared = {node.module for node, _ in facts.nodes_of(Conv2d) if node.shared}
    for first, one in facts.nodes_of(Conv2d):
        readers = facts.readers.get(first.name, ())
        if len(readers) != 1 or first.name == graph.output or {first.module, readers[0].module} & shared:
            continue
        if isinstance(readers[0].op, Conv2d):
            yield from _judge(graph, first, one, readers[0], readers[0].op)


def _judge(graph: Graph, first: Node, one: Conv2d, second: Node, two: Conv2d) -> Iterator[Diagnostic]:
    x, groups = graph.inputs(first), gcd(one.groups, two.groups)
    kernel = _spanned(one, two, 0), _spanned(one, two, 1)
    merged = Conv2d(two.out, kernel, groups=groups).params(x)
    pair = one.params(x) - one.out * one.bias + two.params(graph.inputs(second)) - two.out * two.bias
    if merged <= pair:
        message = (
            f"{first.name} is directly followed by {second.name}: without an activation between, the two are "
            f"one {kernel[0]}x{kernel[1]} conv of {merged:,} weights, not {pair:,}"
        )
        yield LINEAR.at(first.span, message, "put an activation between them, or write the single conv")


def _spanned(one: Conv2d, two: Conv2d, axis: int) -> int:
    """The kernel size of the equivalent single conv."""
    first, second = (op.dilation[axis] * (op.kernel[axis] - 1) for op in (one, two))
    return first + one.stride[axis] * second + 1
