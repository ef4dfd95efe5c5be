"""First weights: torch's, He's normal ones, the identity, or filters that whiten the images."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archbuilder.analysis.recipe_layers import residual_ends, stem, weighted
from archbuilder.data.arrays import Images, Splits
from archbuilder.data.batches import eval_batches
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Conv2d
from archbuilder.spec.data import Data
from archbuilder.spec.train.recipe import Train


@torch.no_grad()
def initialise(module: nn.Module, graph: Graph, train: Train, data: Data, splits: Splits) -> None:
    """Change what torch made, in place, on the CPU.  The recipe fits the network: rules/recipe_fit.py saw to it."""
    layers = weighted(graph)
    for node in layers[:-1]:  # the classifier stays as it is
        if isinstance(node.op, Conv2d) and not node.op.frozen:
            weight = module.get_submodule(node.name).get_parameter("weight")
            if train.init == "kaiming":
                kaiming(weight, node.op.groups)
            elif train.init == "dirac" and node.op.groups == 1 and node is not layers[0]:
                nn.init.dirac_(weight[: weight.shape[1]])
    for node in residual_ends(graph) if train.zero_gamma else ():
        nn.init.zeros_(module.get_submodule(node.name).get_parameter("weight"))
    for layer in module.modules():
        if train.batch_norm_momentum is not None and isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.momentum = train.batch_norm_momentum
    if train.whiten and (first := stem(graph)):
        some = _some(splits.train, train.whiten.images)
        batches = eval_batches(some, data, mean=splits.mean, std=splits.std, batch_size=500)
        conv = module.get_submodule(first.name)
        assert isinstance(conv, nn.Conv2d)
        whiten(conv, (images for images, _ in batches), train.whiten.eps)


def kaiming(weight: Tensor, groups: int) -> None:
    """Normal weights of variance 2 / fan-out, which keep the gradient's size through relu; in place.

    torch's own function counts the outputs of all groups.  Source: He et al., Delving Deep into Rectifiers, 2015.
    """
    fan_out = weight.shape[0] // groups * weight[0, 0].numel()
    nn.init.normal_(weight, 0.0, math.sqrt(2 / fan_out))


def whiten(conv: nn.Conv2d, batches: Iterable[Tensor], eps: float) -> None:
    """Set a conv's filters to the images' (b, c, h, w) whitening transform and its negative; its bias to 0.

    Patches are not centred: the images are normalised.  Source: Keller Jordan, airbench, 2024, section 3.2.
    """
    weight = conv.weight
    size, count = weight[0].numel(), 0
    total = torch.zeros(size, size, dtype=torch.float64)
    for images in batches:
        patches = F.unfold(images, conv.kernel_size, conv.dilation).transpose(0, 1).reshape(size, -1)
        total += patches @ patches.T
        count += patches.shape[1]
    values, vectors = torch.linalg.eigh(total / count)  # in rising order
    values = values.clamp(min=0)  # rounding makes some zeros negative
    largest = (vectors / (values + eps).sqrt()).T.flip(0)[: len(weight) // 2]
    weight.copy_(torch.cat((largest, -largest)).reshape(weight.shape))
    if conv.bias is not None:
        conv.bias.zero_()


def _some(images: Images, count: int) -> Images:
    """So many images, spread evenly over the array: those of a folder are sorted by class."""
    step = max(1, len(images) // count)
    return Images(images.images[::step][:count], images.labels[::step][:count])
