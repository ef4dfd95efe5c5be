"""Activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from archbuilder.ir.op import Kept, Pointwise
from archbuilder.ir.shape import Shapes


@final
@dataclass(frozen=True, eq=False, repr=False)
class Activation(Pointwise):
    """An elementwise non-linearity.

    Shapes:  any -> the same.
    Units:   PReLU has one parameter, or with `channels` one per channel, other kinds none; `slope` is for leaky_relu.
    Source:  the torch.nn class of that name; gelu_tanh is GELU's approximation by tanh.
    """

    in_place: ClassVar[bool] = True
    kind: str
    slope: float = 0.01
    channels: bool = False

    def params(self, inputs: Shapes) -> int:
        return (inputs[0].c if self.channels else 1) * (self.kind == "prelu")

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        if self.kind in ("relu", "sigmoid", "tanh"):
            return Kept(output=True)  # their gradient is computed from the output
        return Kept((0,), scalars=2 * inputs[0].elements * (self.kind == "tanhexp"))

    def describe(self) -> str:
        return f"{self.kind}{' channels' if self.channels else ''}"
