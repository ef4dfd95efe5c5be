"""What a chain of elementwise functions does to numbers, and the activation that it is, however it is written.

x * relu6(x + 3) / 6, x.mul(F.hardsigmoid(x)) and x * (x / 6 + 0.5).clamp(0, 1) have one curve: that of hardswish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

from archbuilder.importers.units import ACTIVATIONS
from archbuilder.ir.ops import Activation
from archbuilder.ir.shape import Shape
from archbuilder.modules.network import make_layer

GRID = torch.linspace(-12, 12, 193, dtype=torch.float64)
SAME = 1e-10  # of two curves, at every number
LONGEST = 8  # elementwise functions in a row that are looked back at


class Curves:
    """Per step, as functions of the values that it is computed from element by element: their results on GRID."""

    def __init__(self) -> None:
        self._known: dict[int, dict[int, Tensor]] = {}

    def follow(self, step: int, operands: Sequence[int], function: Callable[..., Tensor]) -> None:
        """Notes that a step is a function of some values, element by element."""
        each = [{operand: GRID, **self._known.get(operand, {})} for operand in operands]
        bases = sorted(set.intersection(*(set(curves) for curves in each)), reverse=True)[:LONGEST]
        self._known[step] = {base: function(*(curves[base] for curves in each)) for base in bases}

    def activation(self, step: int) -> tuple[int, Activation] | None:
        """The nearest value that a step is an activation of, and that activation; None where it is none."""
        for base, curve in self._known.get(step, {}).items():
            for op, known in _activations().items():
                if _same(curve, known):
                    return base, op
            slope = -float(curve[GRID == -1])
            if 0 < abs(slope) < 1 and _same(curve, torch.where(GRID > 0, GRID, slope * GRID)):
                return base, Activation("leaky_relu", float(f"{slope:.12g}"))
        return None


def _same(curve: Tensor, known: Tensor) -> bool:
    return bool(((curve - known).abs() <= SAME).all())  # False for nan


@cache
def _activations() -> dict[Activation, Tensor]:
    found = {}
    for kind in sorted(ACTIVATIONS - {"prelu"}):
        op = Activation(kind)
        found[op] = function_of(op)(GRID)
    return found


def function_of(op: Activation) -> Callable[[Tensor], Tensor]:
    """An activation, one without weights, as a function of numbers."""
    layer = make_layer(op, (Shape(1),))

    def run(x: Tensor) -> Tensor:
        made: Tensor = layer(x.clone())
        return made

    return run
