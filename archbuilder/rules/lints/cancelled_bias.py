"""A bias that the norm directly after it cancels."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import BatchNorm2d, Conv2d, InstanceNorm2d
from archbuilder.remedy import Change

CANCELLED = declare(
    "AB409",
    "a bias before a norm that cancels it",
    severity="warning",
    why=(
        "The norm subtracts the mean of each channel and thereby removes the bias. The bias parameters count and are "
        "trained, but they change nothing; the norm has its own shift."
    ),
    bad="- conv: {out: 8, bias: true}",
    good="- conv: 8",
)


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """One finding for each bias in the file; one for all that come from `defaults:`."""
    inherited: list[Node] = []
    for node, op in facts.nodes_of(Conv2d):
        if not op.bias or node.shared:
            continue
        if all(isinstance(reader.op, (BatchNorm2d, InstanceNorm2d)) for reader in facts.readers.get(node.name, [node])):
            if node.place.span("bias") == node.span:
                inherited.append(node)
            else:
                yield _finding([node])
    if inherited:
        yield _finding(inherited)


def _finding(nodes: list[Node]) -> Diagnostic:
    first, *others = nodes
    lost = sum(node.shape.c for node in nodes)
    who = f"{first.name} and {len(others)} other conv{'s' * (len(others) > 1)}" if others else first.name
    message = (
        f"{who}: the norm directly after it subtracts the mean and so cancels the bias: {lost:,} parameters do nothing"
    )
    place = first.place.span("bias")
    is_written = place != first.span
    by_default = "remove bias: by default there is none before a norm"
    hint = Change({"bias": "false"}, say="{}, or remove it") if is_written else by_default
    return CANCELLED.at(place, message, hint)
