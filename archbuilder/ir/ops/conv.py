"""Convolution."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import final

from archbuilder.diagnostics import declare
from archbuilder.ir.op import Kept, Op, OpError, a_map, by
from archbuilder.ir.ops.window import mirror, slide
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes
from archbuilder.remedy import Change

GROUPS = declare(
    "AB301",
    "groups that do not divide the channels",
    why=(
        "Each group maps its own share of the input channels to its own share of the output channels; group norm and "
        "channel shuffle divide the channels in the same way. Each share must be a whole number of channels."
    ),
    bad="""\
- conv: 16
- conv: {out: 48, groups: 5}
- pointwise: 48""",
    good="""\
- conv: 16
- conv: {out: 48, groups: 16}
- pointwise: 48""",
)


def in_groups(groups: int, *channels: int, say: str) -> Change:
    """The remedy for groups that do not divide the channels: the nearest divisor, or the smaller of two."""
    most = gcd(*channels)
    divisors = (n for n in range(1, most + 1) if most % n == 0)
    return Change({"groups": str(min(divisors, key=lambda n: (abs(n - groups), n)))}, say=say)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Op):
    """2-d convolution.

    Shapes:  x (c, h, w) -> (out, h', w'), h' = (h + 2p - d(k-1) - 1) // s + 1.
    Units:   kernel, stride, dilation and padding in pixels as (height, width); padding on both
             sides of an axis (an uneven one is a Pad2d before it).
    Errors:  AB301 groups does not divide the channels; AB302 the window exceeds the padded map;
             AB310 padding_mode reflect or circular, and the map has too few pixels.
    Source:  torch.nn.Conv2d.
    """

    out: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    bias: bool = False
    padding_mode: str = "zeros"  # or reflect, replicate, circular
    frozen: bool = False  # type: ignore[misc]  # a field here, a class constant in other ops

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        top, left = self.padding
        mirror(x, self.padding_mode, (top, top, left, left))
        h, w = slide(x, self.kernel, self.stride, self.dilation, self.padding)
        result = Shape(self.out, h, w)
        if x.c % self.groups or self.out % self.groups:
            message = f"groups={self.groups} must divide {x.c} input and {self.out} output channels"
            hint = in_groups(self.groups, x.c, self.out, say="choose a common divisor: {}")
            raise OpError(GROUPS, message, hint, "groups", result)
        return result

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        reach = inputs[0].window(self.kernel, self.stride, self.dilation, self.padding)
        return reach._replace(alike=reach.alike or self.groups == 1)

    def params(self, inputs: Shapes) -> int:
        return self._weights(inputs) + self.out * self.bias

    def macs(self, inputs: Shapes) -> int:
        out = self.shape(inputs)
        return self._weights(inputs) * out.h * out.w

    def _weights(self, inputs: Shapes) -> int:
        return self.out * (inputs[0].c // self.groups) * self.kernel[0] * self.kernel[1]

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        if self.padding_mode == "zeros":
            return Kept((0,))
        # torch first copies into a padded map, even for padding 0, and saves that one
        x, (top, left) = inputs[0], self.padding
        padded = x.c * (x.h + 2 * top) * (x.w + 2 * left)
        return Kept((0,) * (self.padding_mode != "circular" and needs[0]), scalars=padded)

    def describe(self) -> str:
        words = [f"conv {self.kernel[0]}x{self.kernel[1]}"]
        for letter, value in (("s", self.stride), ("d", self.dilation)):
            if value != (1, 1):
                words.append(letter + by(value))
        if self.groups > 1:
            words.append(f"g{self.groups}")
        if self.padding_mode != "zeros":
            words.append(self.padding_mode)
        if self.bias:
            words.append("bias")
        return " ".join(words + ["frozen"] * self.frozen)
