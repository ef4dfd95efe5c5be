"""Ops that reorder or select channels and compute nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from archbuilder.diagnostics import declare
from archbuilder.ir.op import Kept, OpError, Pointwise, a_map
from archbuilder.ir.ops.conv import GROUPS, in_groups
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes

SIZES = declare(
    "AB312",
    "sizes of a split that do not fit",
    why=(
        "A split gives each path consecutive channels, and every channel goes to exactly one path. So there must be "
        "one size per path, and the sizes must add up to the number of channels."
    ),
    bad="""\
- conv: 16
- branches: {split: [4, 8], paths: [[{conv: 8}], []]}""",
    good="""\
- conv: 16
- branches: {split: [4, 12], paths: [[{conv: 8}], []]}""",
)


@final
@dataclass(frozen=True, eq=False, repr=False)
class ChannelShuffle(Pointwise):
    """Distributes the channels of each group over all groups.

    Shapes:  (c, h, w) -> (c, h, w).
    Errors:  AB301 groups does not divide the channels.
    Source:  torch.nn.ChannelShuffle; Zhang et al., ShuffleNet, 2018.
    """

    groups: int

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        if x.c % self.groups:
            message = f"groups={self.groups} must divide {x.c} channels"
            hint = in_groups(self.groups, x.c, say=f"choose a divisor of {x.c}: {{}}")
            raise OpError(GROUPS, message, hint, "groups", x)
        return x

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept()

    def describe(self) -> str:
        return f"shuffle g{self.groups}"


@final
@dataclass(frozen=True, eq=False, repr=False)
class ChannelSlice(Pointwise):
    """Consecutive channels of a map: part number `part` (from 0) of `parts` equal parts, or of parts of these `sizes`.

    Shapes:  (c, h, w) -> (c / parts, h, w), or (sizes[part], h, w).
    Errors:  AB301 parts does not divide the channels; AB312 the sizes do not add up to the channels.
    Source:  torch.chunk, torch.split.

    If the channels have different fields, the result is an upper bound: this part may be one that sees less.
    """

    is_view: ClassVar[bool] = True
    part: int
    parts: int
    sizes: tuple[int, ...] = ()

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        if self.sizes:
            result = x._replace(c=self.sizes[self.part])
            if sum(self.sizes) != x.c:
                message = (
                    f"parts of {' + '.join(map(str, self.sizes))} channels add up to {sum(self.sizes)}, not to {x.c}"
                )
                raise OpError(SIZES, message, f"write sizes that add up to {x.c}", "split", result)
            return result
        if x.c % self.parts:
            message = f"{x.c} channels cannot be split into {self.parts} equal parts"
            raise OpError(GROUPS, message, "make the number of channels a multiple of the number of paths", "split", x)
        return x._replace(c=x.c // self.parts)

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        whole = inputs[0].alike or self.parts == 1
        return inputs[0] if whole else inputs[0].at_least("upper bound")

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept()

    def describe(self) -> str:
        if not self.sizes:
            return f"channels {self.part + 1}/{self.parts}"
        first = sum(self.sizes[: self.part])
        return f"channels {first} to {first + self.sizes[self.part] - 1}"
