"""Layers that change the class scores after the last linear layer."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Activation, AdaptivePool, AvgPool2d, Conv2d, Dropout, Flatten, Linear
from archbuilder.remedy import Change, Remedy, Remove

ACTIVATED = declare(
    "AB414",
    "an activation on the class scores",
    severity="warning",
    why=(
        "Cross-entropy takes raw scores. A ReLU on them sets every negative score to zero, and its gradient too: "
        "classes with a negative score stop learning."
    ),
    bad="""\
classes: 10
network: [{conv: 8}, gap, {pointwise: {out: 10, norm: none, activation: relu}}]""",
    good="""\
classes: 10
network: [{conv: 8}, gap, classifier]""",
)
DROPPED = declare(
    "AB415",
    "dropout on the class scores",
    severity="warning",
    why=(
        "Dropout after the last layer sets scores to zero at random, sometimes that of the right class, and no weight "
        "can correct that. Before the classifier, dropout has its usual effect."
    ),
    bad="""\
classes: 10
network: [{conv: 8}, gap, flatten, {linear: 10}, {dropout: 0.1}]""",
    good="""\
classes: 10
network: [{conv: 8}, gap, {dropout: 0.1}, classifier]""",
)


def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]:
    """Activations and dropouts on the `classes` scores of the network.

    On class maps before a global pool they are allowed: SqueezeNet, for example, has a ReLU there.
    """
    found, name = [], graph.output
    while (node := graph.nodes.get(name)) and isinstance(node.op, (Activation, Dropout, Flatten)):
        if isinstance(node.op, Activation):
            message = f"{node.name}: {node.op.kind} changes the class scores, but the loss needs the raw scores"
            found.append(ACTIVATED.at(node.place.span("activation"), message, _without_activation(node)))
        elif isinstance(node.op, Dropout):
            message = f"{node.name}: dropout of {node.op.p:g} zeroes whole class scores in training"
            found.append(DROPPED.at(node.place.span("dropout"), message, _without_dropout(node)))
        name = node.inputs[0]
    if node and graph.classes and isinstance(node.op, (AdaptivePool, AvgPool2d, Conv2d, Linear)):
        yield from reversed(found)


def _without_activation(node: Node) -> Remedy:
    is_block = node.block == "activation"
    return Remove() if is_block else Change({"activation": "none"}, say="remove it, or {}")


def _without_dropout(node: Node) -> Remedy:
    say = "move it before the last layer, or "
    return Remove(say=say + "remove it") if node.block == "dropout" else Change({"dropout": "0"}, say=say + "{}")
