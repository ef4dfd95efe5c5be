"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from archbuilder.ir.op import Kept, Pointwise, a_map
from archbuilder.ir.shape import Shape, Shapes


@final
@dataclass(frozen=True, eq=False, repr=False)
class Dropout(Pointwise):
    """Dropout of single elements, or (`channels`) of whole channels of a map.

    Shapes:  any -> the same; with `channels` a map.
    Units:   p is a probability.
    Errors:  AB303 channels of a vector.
    Source:  torch.nn.Dropout, torch.nn.Dropout2d.
    """

    p: float
    channels: bool = False

    def shape(self, inputs: Shapes) -> Shape:
        return a_map(inputs) if self.channels else inputs[0]

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept(masked=(inputs[0].c if self.channels else inputs[0].elements) * (self.p > 0))

    def describe(self) -> str:
        return f"dropout{' channels' if self.channels else ''} {self.p:g}"
