"""Merges of branches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, final

from archbuilder.diagnostics import declare
from archbuilder.ir.op import Kept, Op, OpError
from archbuilder.ir.reach import Axis, Reach, worst
from archbuilder.ir.shape import Shape, Shapes

MERGE_SHAPE = declare(
    "AB305",
    "a merge of branches with unequal shapes",
    why=(
        "Adding and multiplying work value by value, concatenating joins channels: the paths must have the same height "
        "and width, and for adding or multiplying also the same number of channels. Torch would silently broadcast a "
        "single channel or pixel."
    ),
    bad="- skip: {blocks: [{strided: 16}], shortcut: identity}",
    good="- skip: {blocks: [{strided: 16}]}",
)
MERGE_STRIDE = declare(
    "AB306",
    "a merge of branches with unequal effective strides",
    why=(
        "Two maps can have the same size by chance and still cover the image at different scales: one pixel of the "
        "first then corresponds to two of the second. Their sum would combine positions that do not belong together."
    ),
    bad="- branches: {paths: [[{strided: 8}, {max_pool: 2}], [{conv: {out: 8, padding: valid, kernel: 25}}]]}",
    good="- branches: {paths: [[{strided: 8}, {strided: 8}], [{conv: {out: 8, stride: 4, kernel: 5}}]]}",
)


class Merge(Op):
    """An op over several branches whose units lie on the same grid.

    The field of the result is the hull of the fields of the branches. Along an axis of one pixel the strides may
    differ; a later window sees nothing new there, but its field is then an upper bound. Errors:  AB305 unequal shapes;
    AB306 unequal effective strides: the units that are merged do not
             look at the same place of the image.
    """

    VERB: ClassVar[str]

    def shape(self, inputs: Shapes) -> Shape:
        first = inputs[0]
        if any(self.comparable(x) != self.comparable(first) for x in inputs):
            shapes = " and ".join(map(str, inputs))
            raise OpError(MERGE_SHAPE, f"cannot {self.VERB} {shapes}", self.remedy(), shape=self.merged(inputs))
        return self.merged(inputs)

    def comparable(self, x: Shape) -> tuple[int, ...]:
        """The sizes that must be equal in all branches."""
        return x

    def merged(self, inputs: Shapes) -> Shape:
        return inputs[0]

    def remedy(self) -> str:
        return "use shortcut: auto, which adds a 1x1 conv if necessary, or make height, width and channels equal"

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        strides = {
            tuple(s if n > 1 else 0 for s, n in zip(reach.stride, (x.h, x.w), strict=True))
            for reach, x in zip(inputs, shapes, strict=True)
        }
        if len(strides) > 1:
            found = " and ".join("x".join(map(str, reach.stride)) for reach in inputs)
            hint = "give every branch the same strides: with equal shapes alone, units may look at different places"
            raise OpError(MERGE_STRIDE, f"the branches have effective strides {found}", hint)
        h = reduce(Axis.hull, (reach.h for reach in inputs))
        w = reduce(Axis.hull, (reach.w for reach in inputs))
        differ = len({reach.stride for reach in inputs}) > 1 and not shapes[0].flat
        status = worst("upper bound" if differ else "exact", *(reach.status for reach in inputs))
        return Reach(h, w, status, self.keeps_alike(inputs))

    def keeps_alike(self, inputs: tuple[Reach, ...]) -> bool:
        """Whether every channel of the result sees its whole field."""
        return all(reach.alike for reach in inputs)

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept()

    def describe(self) -> str:
        return self.VERB


@final
@dataclass(frozen=True, eq=False, repr=False)
class Add(Merge):
    """The sum of its inputs.  Shapes:  n times (c, h, w) -> (c, h, w)."""

    VERB: ClassVar[str] = "add"


@final
@dataclass(frozen=True, eq=False, repr=False)
class Multiply(Merge):
    """The product of its inputs.  Shapes:  n times (c, h, w) -> (c, h, w)."""

    VERB: ClassVar[str] = "multiply"

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return _factors(inputs, needs)


def _factors(inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
    """The gradient of each partial product needs the next factor, and the other way round; the first partial product is
    the first input."""
    wanted = [i for i in range(1, len(needs)) if any(needs[:i])] + [0] * any(needs[1:2])
    return Kept(tuple(wanted), scalars=sum(needs[2:]) * inputs[0].elements)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Gate(Op):
    """A map times one factor per channel that was computed from the whole map (squeeze-excite).

    Shapes:  (c, h, w), (c, 1, 1) -> (c, h, w).
    Errors:  AB305 the second is not (c, 1, 1).

    The field is that of the map alone; that the gate sees the whole map shows only in the status.
    """

    def shape(self, inputs: Shapes) -> Shape:
        x, factors = inputs
        if factors != Shape(x.c, 1, 1):
            raise OpError(MERGE_SHAPE, f"cannot gate {x} by {factors}", f"the gate must end in {x.c}x1x1", shape=x)
        return x

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        return inputs[0].at_least("whole input").at_least(inputs[1].status)

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return _factors(inputs, needs)

    def describe(self) -> str:
        return "gate"


@final
@dataclass(frozen=True, eq=False, repr=False)
class Concat(Merge):
    """The channels of its inputs in order. Shapes:  (c1, h, w), (c2, h, w) -> (c1 + c2, h, w)."""

    VERB: ClassVar[str] = "concat"

    def comparable(self, x: Shape) -> tuple[int, ...]:
        return (x.h, x.w, x.flat)

    def merged(self, inputs: Shapes) -> Shape:
        return inputs[0]._replace(c=sum(x.c for x in inputs))

    def keeps_alike(self, inputs: tuple[Reach, ...]) -> bool:
        return super().keeps_alike(inputs) and len({(reach.h, reach.w) for reach in inputs}) == 1

    def remedy(self) -> str:
        return "make height and width equal"
