"""Training with the rounding of int8 (quantisation-aware training): the network computes as its integers will.

Weights and maps are rounded to the grid that they will get, and gradients pass as if they were not (a straight-through
estimate); beyond the ends of a map's range they are zero.  Norms go on normalising by the batch, as in any training:
with fixed statistics, steps of a usual length diverge.  (One of a vector that nothing before it takes in keeps its
statistics: it is a product and a sum there.)  A filter's own grid serves as well as that of the filter with
its norm folded in, for a grid per channel grows and shrinks with the channel.

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

AVERAGES = ("AVERAGE_POOL_2D", "CONCATENATION", "RESIZE_BILINEAR")  # of what has one scale, those that need a new grid


class RoundedNetwork(Network):
    """A graph's layers as int8 would have them: parameters and state_dict are those of `Network`.

    forward: x (batch, c, h, w) -> what the graph returns, rounded; dropouts do nothing.
    ranges:  of the maps, by name; without any, maps are not rounded.  `calibrate` finds them.
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
        """Find the ranges on batches of normalised images, as training sees the maps: norms go by the batch.

        So a last batch of two images, which spoils running statistics, spoils no range.
        Raises ArchbuilderError AB882 of values that are no numbers."""
        watched = deepcopy(self).cpu().train()  # whose running statistics may move
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
        """A layer's own filter and bias, without the norms behind it."""
        content = self._content(operator)
        filter, bias = floats.own(content, self)
        return floats.arranged(content, filter).reshape(self.program.tensors[operator.inputs[1]].shape), bias


def _rounded(operator: Operator, filter: Tensor) -> Tensor:
    """A filter on the grid of its channels."""
    grid = of_filter(operator, filter)
    zeros = torch.zeros(len(grid.scale), dtype=torch.int32, device=filter.device)
    return torch.fake_quantize_per_channel_affine(filter, grid.scale, zeros, grid.axis, -MOST, MOST)
