"""The images that a network is surest of and wrong about, with the places that its answer rests on (Grad-CAM).

Source: Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archbuilder.analysis.facts import Facts
from archbuilder.data.arrays import Images
from archbuilder.data.batches import Normaliser
from archbuilder.data.pixels import Pixels, to_rgb
from archbuilder.evidence.pictures import enlarged, overlay, sheet
from archbuilder.ir.graph import Graph
from archbuilder.spec.data import Data
from archbuilder.trained.evaluation import Predictions


def grad_cam(
    module: nn.Module, graph: Graph, value: str, images: Tensor, classes: Tensor
) -> NDArray[np.float64] | None:
    """Heat (n, h, w) in 0..1 of the evidence for a class of each image, at the images' own size.

    value:   the map to look at, by its name in the graph: the one before the global pool.
    images:  (n, c, h, w), normalised; classes: (n,) int64; both on the module's device.

    A channel's weight is the mean of the gradient of the class's logit over the map; the heat is the positive
    part of the weighted sum, its largest 1 (an image without any evidence is 0 throughout).  None where the
    value is the image itself.
    """
    node = graph.nodes.get(value)
    if node is None:
        return None
    module.eval()
    maps, gradients = _map_and_gradient(module, node.module, _run_of(graph, value), images, classes)
    weights = gradients.mean((2, 3), keepdim=True)
    heat = (weights * maps).sum(1, keepdim=True).clamp_min(0)
    heat = nn.functional.interpolate(heat, size=images.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    heat = heat / heat.amax((1, 2), keepdim=True).clamp_min(1e-30)
    return np.asarray(heat.cpu().double().numpy())


def _run_of(graph: Graph, value: str) -> int:
    """How often the layer that makes a value has run before: blocks may share a layer."""
    nodes = list(graph.nodes.values())
    same = [node.name for node in nodes if node.module == graph.nodes[value].module]
    return same.index(value)


def _map_and_gradient(module: nn.Module, path: str, run: int, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """The output of a layer in one of its runs, and the gradient of the classes' logits there."""
    kept: list[Tensor] = []
    layer: nn.Module = attrgetter(path)(module)

    def keep(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        kept.append(output if output.requires_grad else output.requires_grad_())
        return None

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = module(images)
            score = logits.gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, kept[run])
    finally:
        handle.remove()
    return kept[run].detach(), gradient


COUNT = 24
PER_ROW = 6  # mistakes in a row of the sheet
SIDE = 96  # pixels of a picture in the sheet, at least


@dataclass(frozen=True)
class Mistake:
    """One image: its index in the split, what it is and what it was taken for (class numbers), how surely (0..1).

    `heat` is the image under its Grad-CAM for the predicted class, None where the network has no map.
    """

    index: int
    truth: int
    predicted: int
    sureness: float
    image: Pixels
    heat: Pixels | None


def gallery(
    module: nn.Module,
    facts: Facts,
    images: Images,
    found: Predictions,
    data: Data,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
    count: int = COUNT,
) -> tuple[Mistake, ...]:
    """The most confident mistakes among predictions for all of `images`, the surest first."""
    chosen = found.mistakes(count)
    if not chosen:
        return ()
    raw = np.asarray(images.images[chosen])
    batch = Normaliser(mean, std, data, device=device)(torch.from_numpy(raw))
    classes = torch.from_numpy(found.predicted[chosen]).to(device)
    heat = grad_cam(module, facts.graph, facts.value, batch, classes)
    mistakes = []
    for place, index in enumerate(chosen):
        image, predicted = to_rgb(raw[place]), int(found.predicted[index])
        under = None if heat is None else overlay(image, heat[place])
        sureness = float(found.sureness[index])
        mistakes.append(Mistake(index, int(found.labels[index]), predicted, sureness, image, under))
    return tuple(mistakes)


def as_sheet(mistakes: Sequence[Mistake]) -> Pixels:
    """All of them in one picture, in reading order: each image with its heat under it, white rows between."""
    rows: list[list[Pixels]] = []
    for start in range(0, len(mistakes), PER_ROW):
        part = mistakes[start : start + PER_ROW]
        rows.append([enlarged(mistake.image, SIDE) for mistake in part])
        if part[0].heat is not None:
            rows.append([enlarged(mistake.heat, SIDE) for mistake in part if mistake.heat is not None])
    return sheet(rows)
