"""Activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from archbuilder.ir.op import Pointwise
from archbuilder.ir.shape import Shapes


@final
@dataclass(frozen=True)
class Activation(Pointwise):
    """An elementwise non-linearity.

    Shapes:  any -> the same.
    Units:   PReLU has one parameter, the others none; `slope` is leaky_relu's.
    Source:  the torch.nn class of that name.
    """

    kind: str
    slope: float = 0.01

    def params(self, inputs: Shapes) -> int:
        return int(self.kind == "prelu")

    def describe(self) -> str:
        return self.kind
