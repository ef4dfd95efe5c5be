"""The receptive field by experiment: the pixels that have a gradient from one unit."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from archbuilder.analysis.facts import analyse
from archbuilder.ir.graph import Graph
from archbuilder.modules import build
from archbuilder.modules.own_layers import ChannelNorm, TanhExp

NOT_LINEAR = (nn.ReLU, nn.ReLU6, nn.GELU, TanhExp)
NEUTRAL = (nn.BatchNorm2d, ChannelNorm, nn.Dropout, nn.Dropout2d)


def with_gradient(graph: Graph, axis: int, side: int) -> tuple[int, int, int]:
    """A central unit of the map that a limit is about, and the first and last pixel that it depends on.

    The image is `side` pixels long along the axis and as it was along the other."""
    value = analyse(graph, []).value
    names = list(graph.nodes)
    nodes = {name: graph.nodes[name] for name in names[: names.index(value) + 1]}
    sides = [graph.input.h, graph.input.w]
    sides[axis] = side
    image = torch.ones(1, graph.input.c, *sides, dtype=torch.float64, requires_grad=True)
    out = linear(build(replace(graph, nodes=nodes, output=value)))(image)
    units = [n // 2 for n in out.shape[2:]]
    (gradient,) = torch.autograd.grad(out[0, :, units[0], units[1]].sum(), image)
    seen = gradient[0].ne(0).any(0).any(1 - axis).nonzero().flatten().tolist()
    return units[axis], seen[0], seen[-1]


def linear(module: nn.Module) -> nn.Module:
    """The module with equal positive weights, without layers that hide a dependence or are not linear."""
    for name, leaf in list(module.named_modules()):
        if isinstance(leaf, nn.Conv2d):
            nn.init.constant_(leaf.weight, leaf.out_channels / leaf.weight.numel())
            if leaf.bias is not None:
                nn.init.zeros_(leaf.bias)
        elif isinstance(leaf, nn.MaxPool2d):
            module.set_submodule(name, nn.AvgPool2d(leaf.kernel_size, leaf.stride, leaf.padding))
        elif isinstance(leaf, (*NOT_LINEAR, *NEUTRAL)):
            module.set_submodule(name, nn.Identity())
    return module.double()
