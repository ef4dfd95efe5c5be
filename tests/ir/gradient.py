"""The pixels that have a gradient from one unit, in a module made linear: what torch says that the unit sees."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from archbuilder.ir import ops
from archbuilder.ir.graph import Graph
from archbuilder.modules import build
from tests.ir.walk import MERGES, MOVED, NEUTRAL

Pair = tuple[int, int]

LINEAR = (*MERGES, *MOVED, ops.AvgPool2d, ops.Flatten, ops.Pad2d, ops.Upsample)
WEIGHTED = (ops.ChannelScale, ops.Conv2d, ops.Linear)


def touched(module: nn.Module, image: Tensor, units: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """The rows and the columns of an image that have a gradient from one unit, or from a vector; all channels count."""
    x = image.requires_grad_()
    out = module(x)
    unit = out[0] if out.ndim == 2 else out[0, :, units[0], units[1]]
    share = torch.arange(1, len(unit) + 1, dtype=unit.dtype)  # unequal, so that no norm makes the sum constant
    (gradient,) = torch.autograd.grad((share * unit).sum(), x)
    assert gradient.isfinite().all(), "the values of this network overflow"
    seen: Tensor = gradient[0].ne(0).any(0)
    return seen.any(1).nonzero().flatten().tolist(), seen.any(0).nonzero().flatten().tolist()


class WindowMean(nn.Module):
    """The mean over a window.  It stands for a max pool, whose gradient goes to one pixel of the
    window and says nothing of the others, and for an adaptive pool, whose window grows with the map."""

    def __init__(self, kernel: Pair, stride: Pair, padding: Pair = (0, 0), dilation: Pair = (1, 1)) -> None:
        super().__init__()
        self.kernel = kernel
        self.slide = (stride, padding, dilation)

    def forward(self, x: Tensor) -> Tensor:
        weight = x.new_ones(x.shape[1], 1, *self.kernel) / math.prod(self.kernel)
        return nn.functional.conv2d(x, weight, None, *self.slide, groups=x.shape[1])


class Mean(nn.Module):
    """Stands for a product: it depends on what its factors depend on, and many in a row do not overflow."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.stack(inputs).mean(0)


class First(nn.Module):
    """Stands for a gate: the map without its factors."""

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        return x


def linear(graph: Graph, at_home: bool = False) -> nn.Module:
    """The module with positive constant weights, without biases, and with what is not linear left out;
    `at_home`: for an input of the network's own size, where an adaptive pool may stay."""
    module = build(graph).double().eval()
    for node in graph.nodes.values():
        op, (x, *_), leaf = node.op, graph.inputs(node), module.get_submodule(node.module)
        if isinstance(op, WEIGHTED):
            for name, parameter in leaf.named_parameters():
                nn.init.constant_(parameter, 0 if name == "bias" else parameter.shape[0] / parameter.numel())
        elif isinstance(op, ops.MaxPool2d):
            module.set_submodule(node.module, WindowMean(op.kernel, op.stride, op.padding, op.dilation))
        elif isinstance(op, ops.AdaptivePool) and at_home:
            module.set_submodule(node.module, nn.AdaptiveAvgPool2d(op.size))
        elif isinstance(op, ops.AdaptivePool):
            window = (x.h // op.size[0], x.w // op.size[1])
            module.set_submodule(node.module, WindowMean(window, window))
        elif isinstance(op, NEUTRAL):
            module.set_submodule(node.module, nn.Identity())
        elif isinstance(op, ops.Multiply):
            module.set_submodule(node.module, Mean())
        elif isinstance(op, ops.Gate):
            module.set_submodule(node.module, First())
        elif not isinstance(op, LINEAR):
            raise TypeError(f"the oracle does not know what {type(op).__name__} sees")
    return module
