"""Training with the rounding of int8 (quantisation-aware training): the network computes as its integers will.

Weights and maps are rounded to the grid that they would get, and gradients pass as if they were not (a straight-through
estimate).  A map's range is that of its batch, so that nothing has to be kept; norms keep their running statistics, for
they are folded into the weights.

Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
2018.
"""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor

from archbuilder.device.program import FIXED_SCALE, SAME_SCALE, WEIGHTED, Operator
from archbuilder.ir.graph import Graph
from archbuilder.modules.network import Network
from archbuilder.quantized import floats
from archbuilder.quantized.int8_file import program_for
from archbuilder.quantized.scales import LEAST, MOST, Scale, of_filter, of_range

AVERAGES = ("AVERAGE_POOL_2D", "CONCATENATION", "RESIZE_BILINEAR")  # of what has one scale, those that need a new grid


class RoundedNetwork(Network):
    """A graph's layers as int8 would have them: parameters and state_dict are those of `Network`.

    forward: x (batch, c, h, w) -> what the graph returns, rounded.  Raises ArchbuilderError AB880 when it is made.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.program = program_for(graph, "int8")
        self._fixed = {o.output: FIXED_SCALE[o.kernel] for o in self.program.operators if o.kernel in FIXED_SCALE}
        moved = {o.output for o in self.program.operators if o.kernel in SAME_SCALE and o.kernel not in AVERAGES}
        self._moved = frozenset(moved)

    def forward(self, x: Tensor) -> Tensor:
        constants = floats.constants(self.program, self)
        for operator in self.program.operators:
            if operator.kernel in WEIGHTED:
                constants[operator.inputs[1]] = _rounded(operator, *(constants[name] for name in operator.inputs[1:]))
        output = floats.run(self.program, constants, x, self._on_grid)
        return output.permute(0, 3, 1, 2) if output.dim() == 4 else output

    def _on_grid(self, name: str, value: Tensor) -> Tensor:
        if name in self._moved:
            return value
        low, high = map(float, value.detach().aminmax())
        if not (isfinite(low) and isfinite(high)):
            return value  # the loss is no number either, and training tells that
        scale, zero = self._fixed.get(name) or of_range(low, high)[:2]
        return torch.fake_quantize_per_tensor_affine(value, float(scale), zero, LEAST, MOST)


def _rounded(operator: Operator, filter: Tensor, bias: Tensor) -> Tensor:
    """A filter on the grid of its channels; that its bias can be said, too, is left to the integers."""
    scale = of_filter(operator, filter, torch.zeros_like(bias), Scale(torch.ones(())))
    zeros = torch.zeros(len(scale.scale), dtype=torch.int32, device=filter.device)
    return torch.fake_quantize_per_channel_affine(filter, scale.scale, zeros, scale.axis, -MOST, MOST)
