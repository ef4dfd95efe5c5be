"""The effective receptive field: the influence of each pixel of the image on a unit, measured by gradients.

Source: Luo, Li, Urtasun and Zemel, Understanding the Effective Receptive Field in Deep CNNs, 2016.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn

from archbuilder.ir.graph import Graph
from archbuilder.modules.network import build

Heat = list[list[float]]  # rows of pixels, the largest 1

EDGE = 1 - 0.9545  # relative to the maximum: two standard deviations of a Gaussian, as in the paper


def effective_field(graph: Graph, value: str, unit: tuple[int, int], inits: int = 10, images: int = 4) -> Heat:
    """Mean |gradient| of a unit (row, column) of a map with respect to the image, scaled to a maximum of 1.

    The mean is over `inits` random initialisations (with equal weight) with `images` noise images each, over all
    channels of the image, with random signs for the channels of the map. In evaluation mode: dropout is off and batch
    norms use the statistics of that noise. torch's random state is not changed.
    """
    head_off = graph.until(value)
    total = torch.zeros(graph.input.h, graph.input.w)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(inits):
            heat = _gradient(build(head_off), torch.randn(images, *graph.input.dims), unit)
            total += heat / heat.max().clamp_min(1e-30)
    return (total / total.max().clamp_min(1e-30)).tolist()


def side(heat: Heat) -> float:
    """The side in pixels of a square with the area of all pixels above EDGE of the maximum."""
    return sqrt(sum(pixel > EDGE for row in heat for pixel in row))


def level(heat: Heat, share: float) -> tuple[float, float]:
    """For the strongest pixels that together have this share of the total: their smallest value, and their part of the
    image."""
    pixels = sorted((pixel for row in heat for pixel in row), reverse=True)
    total, held = sum(pixels), 0.0
    for count, pixel in enumerate(pixels, 1):
        held += pixel
        if held >= share * total:
            return pixel, count / len(pixels)
    return 0.0, 1.0


def _gradient(module: nn.Module, x: Tensor, unit: tuple[int, int]) -> Tensor:
    """Mean |gradient| at each pixel: (h, w)."""
    module.requires_grad_(False)
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.momentum = 1.0  # so that one batch sets the statistics
    with torch.no_grad():
        module.train()(x)
    out = module.eval()(x.requires_grad_())[:, :, unit[0], unit[1]]
    (gradient,) = torch.autograd.grad(out, x, torch.randn_like(out))
    return gradient.abs().mean((0, 1))
