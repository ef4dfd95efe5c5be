"""Padding as an op of its own: of height and width, and of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from archbuilder.ir.op import Kept, Op, Pointwise, a_map
from archbuilder.ir.ops.window import mirror
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes


@final
@dataclass(frozen=True, eq=False, repr=False)
class Pad2d(Op):
    """Padding around a map: zeros, or pixels of the map (`mode` reflect, replicate, circular).

    Shapes:  (c, h, w) -> (c, h + top + bottom, w + left + right).
    Units:   pixels of its input.
    Errors:  AB310 reflect or circular, and the map has too few pixels.
    Source:  torch.nn.ZeroPad2d, ReflectionPad2d, ReplicationPad2d, CircularPad2d.
    """

    top: int
    bottom: int
    left: int
    right: int
    mode: str = "zeros"

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        mirror(x, self.mode, (self.top, self.bottom, self.left, self.right))
        return Shape(x.c, x.h + self.top + self.bottom, x.w + self.left + self.right)

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        return inputs[0].window((1, 1), lead=(self.top, self.left))

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept((0,) * (self.mode in ("reflect", "replicate")))

    def describe(self) -> str:
        return f"pad {self.top},{self.bottom},{self.left},{self.right}"


@final
@dataclass(frozen=True, eq=False, repr=False)
class ChannelPad(Pointwise):
    """Channels of zeros before and after those of a map.

    Shapes:  (c, h, w) -> (before + c + after, h, w).
    Units:   channels.
    Source:  torch.nn.ZeroPad3d; He et al., Deep Residual Learning, 2015 (shortcut A).
    """

    before: int
    after: int

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        return x._replace(c=self.before + x.c + self.after)

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        return inputs[0]._replace(
            alike=inputs[0].alike and not self.before + self.after
        )  # the new channels see nothing

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept()

    def describe(self) -> str:
        return f"pad channels {self.before},{self.after}"
