"""Quantisation-aware training: the network is trained with the rounding errors of int8.

Weights and maps are rounded to their int8 grid, and gradients ignore the rounding (straight-through estimator); outside
of the range of a map the gradient is zero. Norms use batch statistics, as in any training: with fixed statistics, the
usual learning rates diverge. (A norm of a vector that is not folded into an earlier layer uses its running statistics:
in the program it is a product and a sum.) The filter is rounded without its folded norm; this is equivalent, because
the grid per channel scales with the channel.

Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
2018; Krishnamoorthi, Quantizing deep convolutional networks for efficient inference, 2018.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from operator import attrgetter

import torch
from torch import Tensor

from archbuilder.device.program import SAME_SCALE, WEIGHTED, Operator, Weights
from archbuilder.ir.graph import Graph
from archbuilder.modules.network import Network
from archbuilder.quantized import floats
from archbuilder.quantized.int8_file import program_for
from archbuilder.quantized.scales import LEAST, MOST, SMALLEST, Ranges, doubts, narrowed, observe, of_filter, scales

# operators whose input and output share a scale, but whose results must be rounded again
AVERAGES = ("AVERAGE_POOL_2D", "CONCATENATION", "RESIZE_BILINEAR")


class RoundedNetwork(Network):
    """The layers of a graph with the rounding of int8; parameters and state_dict are those of `Network`.

    forward: x (batch, c, h, w) -> the rounded output of the graph; dropout is inactive.
    ranges: the ranges of the maps by name, from `calibrate`; without them, maps are not rounded.
    Raises ArchbuilderError AB880 when it is made.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.program = program_for(graph, "int8")
        self._weighted = [operator for operator in self.program.operators if operator.kernel in WEIGHTED]
        self._learnt = frozenset(name for operator in self._weighted for name in operator.inputs[1:])
        self.ranges = {}

    @property
    def ranges(self) -> Ranges:
        return self._ranges

    @ranges.setter
    def ranges(self, ranges: Ranges) -> None:
        self._ranges = ranges
        moved = {o.output for o in self.program.operators if o.kernel in SAME_SCALE and o.kernel not in AVERAGES}
        known = scales(self.program, ranges) if ranges else {}
        self._grid = {name: (scale.one, scale.zero) for name, scale in known.items() if name not in moved}

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Tensor]) -> None:
        """Find the ranges on batches of normalised images; norms use batch statistics, as in training.

        A batch of few images has other statistics than those of training, and its values count all the same. One of a
        single image is left out, unless there is no other: a map of one pixel has no deviation.
        Raises ArchbuilderError AB882 for NaN or infinite values."""
        batches = list(batches)
        batches = [images for images in batches if len(images) > 1] or batches
        watched = deepcopy(self).cpu().train()  # a copy, because its running statistics change
        constants = floats.constants(self.program, watched, self._learnt)
        for operator in self._weighted:
            constants |= zip(operator.inputs[1:], watched._own(operator), strict=True)
        ranges = observe(self.program, constants, batches, watched._compute)
        doubts(self.program, ranges)
        self.ranges = narrowed(self.program, constants, batches, ranges, watched._compute)

    def forward(self, x: Tensor) -> Tensor:
        constants = floats.constants(self.program, self, self._learnt)
        for name, tensor in self.program.tensors.items():
            if isinstance(tensor.content, Weights) and name in constants:  # slopes, factors and summands
                step = float(constants[name].detach().abs().max()) / MOST
                constants[name] = torch.fake_quantize_per_tensor_affine(
                    constants[name], max(step, SMALLEST), 0, LEAST, MOST
                )
        for operator in self._weighted:
            filter, bias = self._own(operator)
            constants |= zip(operator.inputs[1:], (_rounded(operator, filter), bias), strict=True)
        output = floats.run(self.program, constants, x, self._on_grid, self._compute)
        return output.permute(0, 3, 1, 2) if output.dim() == 4 else output

    def _on_grid(self, name: str, value: Tensor) -> Tensor:
        if name not in self._grid:
            return value
        return torch.fake_quantize_per_tensor_affine(value, *self._grid[name], LEAST, MOST)

    def _compute(self, operator: Operator, inputs: list[Tensor]) -> Tensor:
        if operator.kernel not in WEIGHTED:
            return floats.compute(operator, inputs)
        value = floats.KERNELS[operator.kernel](operator, *inputs)
        for node in self._content(operator).folded:
            value = value.permute(0, 3, 1, 2) if value.dim() == 4 else value
            value = attrgetter(node.module)(self)(value)
            value = value.permute(0, 2, 3, 1) if value.dim() == 4 else value
        return floats.activated(operator, value)

    def _content(self, operator: Operator) -> Weights:
        content = self.program.tensors[operator.inputs[1]].content
        assert isinstance(content, Weights)
        return content

    def _own(self, operator: Operator) -> tuple[Tensor, Tensor]:
        """The filter and bias of a layer, without the norms after it."""
        content = self._content(operator)
        with floats.place(self):
            filter, bias = floats.own(content, self)
        return floats.arranged(content, filter).reshape(self.program.tensors[operator.inputs[1]].shape), bias


def _rounded(operator: Operator, filter: Tensor) -> Tensor:
    """A filter rounded to the grids of its channels."""
    grid = of_filter(operator, filter)
    zeros = torch.zeros(len(grid.scale), dtype=torch.int32, device=filter.device)
    return torch.fake_quantize_per_channel_affine(filter, grid.scale, zeros, grid.axis, -MOST, MOST)
