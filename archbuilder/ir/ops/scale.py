"""A learnt factor per channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from archbuilder.ir.op import Pointwise, a_map
from archbuilder.ir.shape import Shape, Shapes


@final
@dataclass(frozen=True)
class ChannelScale(Pointwise):
    """Each channel times a learnt factor of its own.

    Shapes:  (c, h, w) -> (c, h, w).
    Units:   c parameters, all `init` at the start.
    Source:  Touvron et al., LayerScale, 2021.
    """

    in_place: ClassVar[bool] = True
    init: float = 1.0

    def shape(self, inputs: Shapes) -> Shape:
        return a_map(inputs)

    def params(self, inputs: Shapes) -> int:
        return inputs[0].c

    def describe(self) -> str:
        return "scale"
