"""Whether the recipe fits the network, as far as it can be checked before anything is built or trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archbuilder.analysis.recipe_layers import residual_ends, stem, weighted
from archbuilder.diagnostics import Diagnostic, Span, declare
from archbuilder.ir.graph import INPUT, Graph, Node, Place
from archbuilder.ir.op import OpError
from archbuilder.ir.ops import BatchNorm2d, Conv2d, Dropout
from archbuilder.ir.shape import Shape
from archbuilder.remedy import Change
from archbuilder.schema.model import Model
from archbuilder.spec.architecture import Architecture

if TYPE_CHECKING:
    from archbuilder.spec.train import Train  # a file without the section does not pay for its models

NETWORK = declare(
    "AB741",
    "a part of a recipe that does not apply to the network",
    why=(
        "Some parts of a recipe apply to certain layers: norms, the first convolution, the ends of residual branches. "
        "If the network has no such layer, that part would silently have no effect."
    ),
    bad="train: {batch_norm_momentum: 0.4}\nnetwork:\n  - conv: {out: 16, norm: group}\n  - gap",
    good="train: {batch_norm_momentum: 0.4}\nnetwork:\n  - conv: {out: 16, norm: batch}\n  - gap",
)
SIDE = declare(
    "AB742",
    "a resolution that the network cannot take",
    why=(
        "Training on smaller images at first is faster, but the network must accept them: no window may be larger than "
        "its map, and a linear layer needs a fixed number of features. Images larger than those of the data set add no "
        "information."
    ),
    bad="train: {resolution: [[1, 4], [5, 32]]}\nnetwork:\n  - conv: {out: 16, kernel: 5, padding: valid}\n  - gap",
    good="train: {resolution: [[1, 16], [5, 32]]}\nnetwork:\n  - conv: {out: 16, kernel: 5, padding: valid}\n  - gap",
)

RANDOM = declare(
    "AB746",
    "frozen weights that nothing sets",
    severity="warning",
    why=(
        "Training never changes frozen weights. `whiten: true` sets a first convolution, `--init` loads the weights of "
        "another run; without either, frozen weights keep their random initial values."
    ),
    bad="train: {epochs: 10}\nnetwork:\n  - conv: {out: 16, frozen: true}\n  - gap",
    good="train: {epochs: 10, whiten: true}\nnetwork:\n  - conv: {out: 16, frozen: true}\n  - gap",
)

SINGLE = declare(
    "AB714",
    "a batch too small for batch normalisation",
    why=(
        "In training, batch normalisation takes mean and standard deviation over the batch. One image whose map is a "
        "single pixel is one value, and one value has no deviation."
    ),
    bad="""\
classes: 10
data: {dataset: cifar10, batch_size: 1}
network: [{conv: 8}, gap, norm, classifier]""",
    good="""\
classes: 10
data: {dataset: cifar10, batch_size: 64}
network: [{conv: 8}, gap, norm, classifier]""",
)
NOTHING = declare(
    "AB711",
    "nothing that could be trained",
    why="The network has no trainable parameter, or the data has no batch, so an optimizer has nothing to do.",
    bad="""\
input: [10, 8, 8]
classes: 10
network: [gap]
data: {dataset: images.npz}""",
    good="""\
input: [10, 8, 8]
classes: 10
network: [gap, classifier]
data: {dataset: images.npz}""",
)
IDLE = declare(
    "AB747",
    "training that cannot succeed",
    verdict=True,
    why=(
        "Training would run to its end without a useful result: for example, a batch norm whose running statistics "
        "never change is evaluated with their initial values, dropout of everything leaves nothing to learn from, and "
        "with one class every answer is right."
    ),
    bad="train: {epochs: 10}\nnetwork:\n  - conv: {out: 16, norm: {kind: batch, momentum: 0}}\n  - gap",
    good="train: {epochs: 10}\nnetwork:\n  - conv: {out: 16, norm: {kind: batch, momentum: 0.1}}\n  - gap",
)


def problems(spec: Architecture, graph: Graph) -> Iterator[Diagnostic]:
    """The problems of training a network on the images and by the recipe of its file, as far as the file has them."""
    if spec.train is not None:
        yield from _misfits(spec, spec.train, graph)
    if spec.train is not None or spec.data is not None:
        if not any(node.op.params(graph.inputs(node)) and not node.op.frozen for node in graph.nodes.values()):
            yield NOTHING.at(
                spec.span("network"), "the network has no parameters to train", "add a conv or a classifier"
            )
        yield from _in_vain(spec, graph)
        yield from _at_all_sides(spec, graph)


def _misfits(spec: Architecture, train: Train, graph: Graph) -> Iterator[Diagnostic]:
    """Parts of a recipe that do not apply to the network, and frozen weights that the recipe does not set."""
    whitened = stem(graph) if train.whiten else None
    if train.whiten:
        message, hint = _whiten_misfit(whitened, graph.input)
        if message:
            yield NETWORK.at(train.span("whiten"), message, hint)
    if train.zero_gamma and not residual_ends(graph):
        message = "zero_gamma: no residual branch ends in a norm"
        yield NETWORK.at(train.span("zero_gamma"), message, "end a skip's body with activation: none, or remove it")
    if train.batch_norm_momentum and not any(isinstance(node.op, BatchNorm2d) for node in graph.nodes.values()):
        message = "batch_norm_momentum: the network has no batch norm"
        yield NETWORK.at(train.span("batch_norm_momentum"), message, "write none, or remove it")
    if train.quantize:
        from archbuilder.device.kernels import program_of

        for node, why in program_of(graph).lacking[:1]:
            message = f"quantize: {node.name} ({node.op.describe()}) does not run in int8: {why}"
            yield NETWORK.at(train.span("quantize"), message, why.hint)
    yield from _never_set(graph, whitened)


def _whiten_misfit(first: Node | None, image: Shape) -> tuple[str, str]:
    """(message, hint) if the first layer cannot hold pairs of filters that whiten patches of the image."""
    if first is None or not isinstance(first.op, Conv2d) or first.op.groups != 1:
        return "whiten: the network does not begin with an ordinary conv", "begin the network with a conv"
    conv = first.op
    height, width = (1 + d * (k - 1) for d, k in zip(conv.dilation, conv.kernel, strict=True))
    if height > image.h or width > image.w:
        found = f"whiten: {first.name} looks at patches of {height}x{width}, but the images are {image.h}x{image.w}"
        return found, "use a smaller kernel or dilation"
    most = 2 * image.c * conv.kernel[0] * conv.kernel[1]
    if conv.out % 2 or conv.out > most:
        found = f"whiten: {first.name} has {conv.out} filters, but whitening needs an even number, at most {most}"
        return found, f"set out: {min(most, conv.out // 2 * 2) or 2}"
    return "", ""


def _never_set(graph: Graph, whitened: Node | None) -> Iterator[Diagnostic]:
    """One finding, at the first layer whose weights are changed neither by training nor by whitening."""
    frozen = [node for node in weighted(graph) if node.op.frozen and node is not whitened]
    if frozen:
        others = f", and {len(frozen) - 1} more" if len(frozen) > 1 else ""
        message = f"{frozen[0].name}{others}: frozen, but nothing sets the weights, so they stay random"
        yield RANDOM.at(
            frozen[0].span, message, "remove frozen, let whiten: true set a first conv, or train --init RUN"
        )


def _in_vain(spec: Architecture, graph: Graph) -> Iterator[Diagnostic]:
    """Settings with which training runs but cannot succeed; of several layers with the same default, the first."""
    found: dict[Span, Diagnostic] = {}
    moved = spec.train is not None and spec.train.batch_norm_momentum is not None
    for node in graph.nodes.values():
        if type(node.op) not in (BatchNorm2d, Dropout):  # asked of every layer: quicker than isinstance
            continue
        if isinstance(node.op, BatchNorm2d) and not node.op.momentum and not moved:
            place = _part(node, "norm").span("momentum")
            message = f"{node.name}: with momentum 0 its running statistics, which evaluation uses, never change"
            found.setdefault(place, IDLE.at(place, message, Change({"momentum": "0.1"}, say="write {}, or remove it")))
        elif isinstance(node.op, Dropout) and node.op.p == 1:
            place = _part(node, "dropout").span("p")
            message = f"{node.name}: dropout of 1 drops everything, so no layer before it can learn"
            found.setdefault(place, IDLE.at(place, message, "write a probability below 1, for example 0.1"))
    yield from found.values()
    if spec.classes == 1:
        hint = "for a yes-or-no question set classes: 2, with the labels 0 and 1"
        yield IDLE.at(spec.span("classes"), "with one class every answer is right and the loss is always 0", hint)


def _part(node: Node, name: str) -> Place:
    """The place of a layer: the field of that name in its block, or the block itself."""
    found = getattr(node.place, name, None)
    return found if isinstance(found, Model) else node.place


def _at_all_sides(spec: Architecture, graph: Graph) -> Iterator[Diagnostic]:
    """Whether the layers, made for the full image size, also run on every size of `resolution:`."""
    _, height, width = spec.input
    resolution = spec.train.resolution if spec.train else ()
    place = spec.train.span("resolution") if spec.train else spec.span()
    alone = spec.data is not None and spec.data.batch_size == 1
    sides = [side for _, side in resolution]
    for side in sides if resolution and resolution[0][0] == 1 else [height, *sides]:
        if side > height:
            message = f"side {side} is larger than the images, {height}x{width}"
            yield SIDE.at(place, message, f"use sides up to {height}; the last one is usually {height}")
            continue
        if side == height and not alone:  # the layers are made for this size
            continue
        misfit, single = at_side(graph, side)
        if misfit:
            message = f"at side {side} the network does not fit: {misfit}"
            yield SIDE.at(place, message, "use a larger side, or end the network with gap")
        elif single and alone and spec.data is not None:
            message = (
                f"batch normalisation cannot learn from one value per channel, as {single} gets from batch_size: 1"
            )
            hint = Change({"batch_size": "2"}, say="set {} or more, or norm: group", guess=True)
            yield SINGLE.at(spec.data.span("batch_size"), message, hint)


def at_side(graph: Graph, side: int) -> tuple[str, str]:
    """(why the layers do not run on images of this height, the name of a batch norm whose map has one pixel)."""
    image = graph.input
    shapes, single = {INPUT: Shape(image.c, side, scaled(image.w, side, image.h))}, ""
    for node in graph.nodes.values():
        inputs = tuple(shapes[name] for name in node.inputs)
        try:
            shapes[node.name] = node.op.shape(inputs)
        except OpError as error:
            return error.message, ""
        if not node.op.is_shareable(graph.inputs(node), inputs):
            return f"{node.name} is made for {graph.inputs(node)[0]}, but gets {inputs[0]}", ""
        if isinstance(node.op, BatchNorm2d) and (inputs[0].h, inputs[0].w) == (1, 1):
            single = single or node.name
    end, made_for = shapes[graph.output], graph.shape(graph.output)
    return ("" if end == made_for else f"it ends in {end} instead of {made_for}"), single


def scaled(width: int, side: int, height: int) -> int:
    """The width of images that are scaled to the height `side`."""
    return max(1, round(width * side / height))
