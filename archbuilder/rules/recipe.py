"""Does the recipe fit the network?  What can be said before anything is built or trained."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.roles import residual_ends, stem, weighted
from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import BatchNorm2d, Conv2d
from archbuilder.lower import lower
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.train import Train

NETWORK = declare(
    "AB741",
    "a recipe that asks for what the network does not have",
    why=(
        "Some parts of a recipe are about certain layers: the norms, the first conv, the ends of residual branches. "
        "Where a network has none of them the part would do nothing, without a word."
    ),
    bad="train: {batch_norm_momentum: 0.4}\nnetwork:\n  - conv: {out: 16, norm: group}\n  - gap",
    good="train: {batch_norm_momentum: 0.4}\nnetwork:\n  - conv: {out: 16, norm: batch}\n  - gap",
)
SIDE = declare(
    "AB742",
    "a resolution that the network cannot take",
    why=(
        "Training on smaller images at first is quicker, but the network must fit them: a window may not be larger "
        "than its map, and a linear layer takes one number of features. Larger images than the data has show nothing "
        "more."
    ),
    bad="train: {resolution: [[1, 4], [5, 32]]}\nnetwork:\n  - conv: {out: 16, kernel: 5, padding: valid}\n  - gap",
    good="train: {resolution: [[1, 16], [5, 32]]}\nnetwork:\n  - conv: {out: 16, kernel: 5, padding: valid}\n  - gap",
)

RANDOM = declare(
    "AB746",
    "frozen weights that nothing sets",
    severity="warning",
    why=(
        "Training never moves what is frozen. A first conv is set by `whiten: true`, other weights by those of another "
        "run (`--init`); without either they stay as random as they began."
    ),
    bad="train: {epochs: 10}\nnetwork:\n  - conv: {out: 16, frozen: true}\n  - gap",
    good="train: {epochs: 10, whiten: true}\nnetwork:\n  - conv: {out: 16, frozen: true}\n  - gap",
)


def problems(spec: Architecture, train: Train, graph: Graph) -> Iterator[Diagnostic]:
    """What a recipe asks for and this network does not have, and what the network leaves to it in vain."""
    whitened = stem(graph) if train.whiten else None
    if train.whiten:
        message, hint = _whiten_misfit(whitened, graph.input.c)
        if message:
            yield NETWORK.at(train.span("whiten"), message, hint)
    if train.zero_gamma and not residual_ends(graph):
        message = "zero_gamma: no residual branch ends in a norm"
        yield NETWORK.at(train.span("zero_gamma"), message, "end a skip's body with activation: none, or leave it out")
    if train.batch_norm_momentum and not any(isinstance(node.op, BatchNorm2d) for node in graph.nodes.values()):
        message = "batch_norm_momentum: the network has no batch norm"
        yield NETWORK.at(train.span("batch_norm_momentum"), message, "write none, or leave it out")
    for _, side in train.resolution:
        yield from _side_misfit(spec, train, side)
    yield from _never_set(graph, whitened)


def _whiten_misfit(first: Node | None, channels: int) -> tuple[str, str]:
    """(message, hint) where the first layer cannot hold pairs of filters that whiten patches of the image."""
    if first is None or not isinstance(first.op, Conv2d) or first.op.groups != 1:
        return "whiten: the network does not begin with an ordinary conv", "let a conv see the image itself"
    conv = first.op
    most = 2 * channels * conv.kernel[0] * conv.kernel[1]
    if conv.out % 2 or conv.out > most:
        found = f"whiten: {first.name} has {conv.out} filters; they come in pairs, and patches allow at most {most}"
        return found, f"set out: {min(most, conv.out // 2 * 2) or 2}"
    return "", ""


def _never_set(graph: Graph, whitened: Node | None) -> Iterator[Diagnostic]:
    """The first of the layers whose weights neither training nor whitening moves."""
    frozen = [node for node in weighted(graph) if node.op.frozen and node is not whitened]
    if frozen:
        others = f", and {len(frozen) - 1} more" if len(frozen) > 1 else ""
        message = f"{frozen[0].name}{others}: frozen, and nothing sets the weights, so they stay random"
        yield RANDOM.at(
            frozen[0].span, message, "leave frozen out, let whiten: true set a first conv, or train --init RUN"
        )


def _side_misfit(spec: Architecture, train: Train, side: int) -> Iterator[Diagnostic]:
    """The network is lowered anew for images of that height."""
    channels, height, width = spec.input
    if side > height:
        message = f"side {side} is larger than the images, {height}x{width}"
        yield SIDE.at(train.span("resolution"), message, f"sides up to {height}; the last one is usually {height}")
        return
    found: list[Diagnostic] = []
    lower(spec.model_copy(update={"input": (channels, side, scaled(width, side, height))}), found)
    if errors := [problem for problem in found if problem.severity == "error"]:
        message = f"at side {side} the network does not fit: {errors[0].message}"
        yield SIDE.at(train.span("resolution"), message, "take a larger side, or end the network with gap")


def scaled(width: int, side: int, height: int) -> int:
    """The width of images whose height becomes `side`."""
    return max(1, round(width * side / height))
