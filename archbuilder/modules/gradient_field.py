"""The receptive field by experiment: which pixels have a gradient from one unit, in a linearised module.

Everything that could hide a dependence is replaced: weights are positive and equal, activations and norms are removed,
a maximum becomes a mean, a product the mean of its factors. This code does not use the rules of the analysis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from archbuilder.analysis.facts import Facts
from archbuilder.ir import ops
from archbuilder.ir.graph import Graph
from archbuilder.ir.op import Op
from archbuilder.ir.reach import Axis
from archbuilder.modules.network import build

Pair = tuple[int, int]
Pixels = tuple[list[int], list[int]]  # rows and columns of an image

NEUTRAL = (
    ops.Activation,
    ops.BatchNorm2d,
    ops.ChannelNorm,
    ops.Dropout,
    ops.GroupNorm,
    ops.InstanceNorm2d,
    ops.Rescale,
)
WEIGHTED = (ops.ChannelScale, ops.Conv2d, ops.Linear)

LARGEST = 4096  # largest side of an image on which a field is measured


def touched(module: nn.Module, image: Tensor, units: tuple[int, ...]) -> Pixels:
    """The rows and columns of an image that have a gradient from one unit, or from a vector, in any channel."""
    x = image.requires_grad_()
    out = module(x)
    unit = out[0] if out.ndim == 2 else out[0, :, units[0], units[1]]
    # unequal weights, so that a norm cannot make the sum constant
    share = torch.arange(1, len(unit) + 1, dtype=unit.dtype)
    (gradient,) = torch.autograd.grad((share * unit).sum(), x)
    if not gradient.isfinite().all():
        raise OverflowError("the values of this network overflow")
    seen: Tensor = gradient[0].ne(0).any(0)
    return seen.any(1).nonzero().flatten().tolist(), seen.any(0).nonzero().flatten().tolist()


class WindowMean(nn.Module):
    """The mean over a window. It replaces a max pool, whose gradient reaches only one pixel of the window, and an
    adaptive pool, whose window grows with the map."""

    def __init__(
        self, kernel: Pair, stride: Pair, padding: Pair = (0, 0), dilation: Pair = (1, 1), ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.slide = (stride, padding, dilation)
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        weight = x.new_ones(x.shape[1], 1, *self.kernel) / math.prod(self.kernel)
        return nn.functional.conv2d(self._to_the_end(x), weight, None, *self.slide, groups=x.shape[1])

    def _to_the_end(self, x: Tensor) -> Tensor:
        """Pad the map with zeros below and to the right, as far as the last windows extend."""
        if not self.ceil_mode:
            return x
        windows = nn.functional.max_pool2d(x, self.kernel, *self.slide, ceil_mode=True).shape[2:]
        over = []
        for n, count, k, s, p, d in zip(x.shape[2:], windows, self.kernel, *self.slide, strict=True):
            over.append(max(0, (count - 1) * s + d * (k - 1) + 1 - n - 2 * p))
        return nn.functional.pad(x, (0, over[1], 0, over[0]))


class Mean(nn.Module):
    """Replaces a product: it depends on the same pixels, and long chains do not overflow."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.stack(inputs).mean(0)


class First(nn.Module):
    """Replaces a gate: the map without its factors."""

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        return x


def linear(graph: Graph, at_home: bool = False) -> nn.Module:
    """The module in double precision, linear and with positive weights.

    `at_home`: for an input of the network's own size, with which adaptive pools can stay."""
    module = build(graph).double().eval()
    for node in graph.nodes.values():
        op, (x, *_), leaf = node.op, graph.inputs(node), module.get_submodule(node.module)
        if isinstance(op, WEIGHTED):
            for name, parameter in leaf.named_parameters():
                nn.init.constant_(parameter, 0 if name == "bias" else parameter.shape[0] / parameter.numel())
        elif isinstance(op, ops.MaxPool2d):
            module.set_submodule(node.module, WindowMean(op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode))
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
    return module


def roomy(side: int, axis: Axis) -> int:
    """A side of at least the field and two strides, for which every map has the same remainder as before."""
    return side + int(axis.stride) * max(0, math.ceil((axis.size + 2 * axis.stride - side) / axis.stride))


def central(side: int, axis: Axis) -> int:
    """The middle one of the units whose field is inside the input."""
    first, last = math.ceil(-axis.lo / axis.stride), (side - 1 - axis.hi) // axis.stride
    return int(first + last) // 2


def disagreements(facts: Facts) -> Iterator[str]:
    """Differences between the field before the global pool by the analysis and by the gradient, in words.

    For an upper bound it can only be tested that no pixel is outside; an unknown field cannot be tested.
    """
    field, head_off = facts.field, facts.graph.until(facts.value)
    if field.status == "unknown" or not head_off.nodes:
        return
    is_bound = field.status == "upper bound"
    if is_bound and any(_mirrors(node.op) for node in head_off.nodes.values()):
        return  # at borders, such padding brings in pixels from elsewhere
    at_home = (head_off.input.h, head_off.input.w)
    sides = at_home if is_bound else (roomy(at_home[0], field.h), roomy(at_home[1], field.w))
    if max(sides) > LARGEST:
        yield f"the field of {field.size[0]}x{field.size[1]} pixels is too large to be measured: use a smaller example"
        return
    out = head_off.shape(head_off.output)
    axes = (field.h, field.w)
    units = (out.h // 2, out.w // 2) if is_bound else (central(sides[0], field.h), central(sides[1], field.w))
    found = touched(linear(head_off, at_home=is_bound), torch.ones(1, head_off.input.c, *sides).double(), units)
    for word, axis, unit, pixels in zip(("rows", "columns"), axes, units, found, strict=True):
        said = (axis.stride * unit + axis.lo, axis.stride * unit + axis.hi)
        seen = (min(pixels), max(pixels)) if pixels else said
        if (said[0] > seen[0] or seen[1] > said[1]) if is_bound else said != seen:
            yield f"the analysis says that unit {unit} sees {word} {said[0]} to {said[1]}, torch {seen[0]} to {seen[1]}"


def _mirrors(op: Op) -> bool:
    """Whether an op pads with pixels of the map."""
    return getattr(op, "mode", getattr(op, "padding_mode", "zeros")) != "zeros"
