"""Multiplication and addition of learnt numbers per channel, or of constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from archbuilder.diagnostics import declare
from archbuilder.ir.op import Kept, OpError, Pointwise, a_map
from archbuilder.ir.shape import Shape, Shapes

CONSTANTS = declare(
    "AB311",
    "a list of constants whose length is not the number of channels",
    why="A list has one number per channel of the input, in their order; one number alone applies to all channels.",
    bad="- rescale: {offset: [-0.5, -0.4]}",
    good="- rescale: {offset: [-0.5, -0.4, -0.4]}",
)


@final
@dataclass(frozen=True, eq=False, repr=False)
class ChannelScale(Pointwise):
    """Multiplies each channel by its own learnt factor.

    Shapes:  (c, h, w) -> (c, h, w).
    Units:   c parameters, initially all `init`.
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


@final
@dataclass(frozen=True, eq=False, repr=False)
class Rescale(Pointwise):
    """Multiplies each value by a constant and adds a constant: one number, or one per channel.

    Shapes:  any -> the same.
    Units:   no parameters; constants per channel are buffers.
    Errors:  AB311 the length of a list is not the number of channels.
    """

    in_place: ClassVar[bool] = True
    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0

    def shape(self, inputs: Shapes) -> Shape:
        (x,) = inputs
        for field in ("scale", "offset"):
            count = self._count(getattr(self, field))
            if count not in (0, x.c):
                message = f"{field} has {count} numbers for {x.c} channels"
                raise OpError(CONSTANTS, message, f"write {x.c} numbers, or one for all channels", field, x)
        return x

    def buffers(self, inputs: Shapes) -> int:
        return self._count(self.scale) + self._count(self.offset)

    @staticmethod
    def _count(constant: float | tuple[float, ...]) -> int:
        return len(constant) if isinstance(constant, tuple) else 0

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept()

    def describe(self) -> str:
        words = []
        for sign, constant, neutral in (("x", self.scale, 1), ("+", self.offset, 0)):
            if constant != neutral:
                words.append(f"{sign} {'channels' if isinstance(constant, tuple) else format(constant, 'g')}")
        return " ".join(["rescale", *words])
