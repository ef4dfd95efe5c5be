"""Normalisation layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from archbuilder.diagnostics import declare
from archbuilder.ir.op import Kept, Op, OpError, Pointwise, a_map
from archbuilder.ir.ops.conv import GROUPS, in_groups
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes

SINGLE = declare(
    "AB309",
    "a norm over a single value",
    why=(
        "A norm subtracts the mean and divides by the standard deviation. The mean of a single value is that value, so "
        "the output would always be zero."
    ),
    bad="""\
- conv: 16
- gap
- norm: instance""",
    good="""\
- conv: 16
- norm: instance
- gap""",
)


@final
@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm2d(Pointwise):
    """Batch normalisation. It is pointwise in evaluation, and the receptive field is that of evaluation.

    Shapes:  any -> the same.
    Units:   2c parameters where affine; 2c + 1 buffers (mean, variance, batches seen).
    Source:  torch.nn.BatchNorm2d, of a vector torch.nn.BatchNorm1d.
    """

    in_place: ClassVar[bool] = True
    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    def is_shareable(self, made_for: Shapes, inputs: Shapes) -> bool:
        return super().is_shareable(made_for, inputs) and made_for[0].flat == inputs[0].flat

    def params(self, inputs: Shapes) -> int:
        return 2 * inputs[0].c * self.affine

    def buffers(self, inputs: Shapes) -> int:
        return 2 * inputs[0].c + 1

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept((0,), scalars=2 * inputs[0].c)  # mean and deviation of each channel

    def describe(self) -> str:
        return "batch norm"


class _SpatialNorm(Op):
    """A norm whose statistics run over height and width: every unit depends on the whole map."""

    affine: bool

    @staticmethod
    def varied(x: Shape, groups: int) -> Shape:
        """The shape of the map. Raises OpError AB309 if each of its groups has a single value, which has no
        variance."""
        if x.elements == groups:
            message = f"each value of {x} would be normalised alone, and become 0"
            raise OpError(SINGLE, message, "remove the norm on a map of one pixel, or use norm: batch", shape=x)
        return x

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        return inputs[0].at_least("whole input")

    def params(self, inputs: Shapes) -> int:
        return 2 * inputs[0].c * self.affine


@final
@dataclass(frozen=True, eq=False, repr=False)
class GroupNorm(_SpatialNorm):
    """Normalisation over groups of channels and all positions; with one group it is layer norm, also of a vector.

    Shapes:  any -> the same.
    Units:   2c parameters where affine.
    Errors:  AB301 groups does not divide the channels; AB309 one value per group.
    Source:  torch.nn.GroupNorm.
    """

    in_place: ClassVar[bool] = True
    groups: int
    eps: float = 1e-5
    affine: bool = True

    def shape(self, inputs: Shapes) -> Shape:
        (x,) = inputs
        if x.c % self.groups:
            message = f"groups={self.groups} must divide {x.c} channels"
            hint = in_groups(self.groups, x.c, say=f"choose a divisor of {x.c}: {{}}")
            raise OpError(GROUPS, message, hint, "groups", x)
        return self.varied(x, self.groups)

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept((0,), scalars=2 * self.groups)

    def describe(self) -> str:
        return "layer norm" if self.groups == 1 else f"group norm g{self.groups}"


@final
@dataclass(frozen=True, eq=False, repr=False)
class ChannelNorm(Pointwise):
    """Layer normalisation over the channels of each pixel separately.

    Shapes:  any -> the same.
    Units:   2c parameters where affine.
    Source:  torch.nn.LayerNorm(c) on a map with channels last; Liu et al., ConvNeXt, 2022.
    """

    in_place: ClassVar[bool] = True
    eps: float = 1e-5
    affine: bool = True

    def params(self, inputs: Shapes) -> int:
        return 2 * inputs[0].c * self.affine

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept((0,), scalars=2 * inputs[0].h * inputs[0].w)

    def describe(self) -> str:
        return "channel norm"


@final
@dataclass(frozen=True, eq=False, repr=False)
class InstanceNorm2d(_SpatialNorm):
    """Normalisation of each channel over all positions.

    Shapes:  (c, h, w) -> (c, h, w).
    Units:   2c parameters where affine.
    Errors:  AB309 a map of one pixel.
    Source:  torch.nn.InstanceNorm2d (without running statistics).
    """

    in_place: ClassVar[bool] = True
    eps: float = 1e-5
    affine: bool = False

    def shape(self, inputs: Shapes) -> Shape:
        x = a_map(inputs)
        return self.varied(x, x.c)

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept((0,), scalars=(2 + self.affine) * inputs[0].c)

    def describe(self) -> str:
        return "instance norm"
