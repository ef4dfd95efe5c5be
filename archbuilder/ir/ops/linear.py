"""Vectors: flatten and linear layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from archbuilder.ir.op import NEEDS_VECTOR, Kept, Op, OpError, Pointwise
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes
from archbuilder.remedy import Insert


@final
@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Op):
    """A map flattened to a vector.

    Shapes:  (c, h, w) -> (c*h*w,); a vector stays as it is.
    Source:  torch.nn.Flatten.
    """

    is_view: ClassVar[bool] = True

    def shape(self, inputs: Shapes) -> Shape:
        return Shape(inputs[0].elements, flat=True)

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        window = (shapes[0].h, shapes[0].w)
        if window == (1, 1):
            return inputs[0]
        # a feature still sees the field of one unit; the vector as a whole sees the whole map
        return inputs[0].window(window, window).at_least("whole input")

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        return Kept()

    def describe(self) -> str:
        return "flatten"


@final
@dataclass(frozen=True, eq=False, repr=False)
class Linear(Pointwise):
    """Fully connected layer.

    Shapes:  (c,) -> (out,).
    Units:   out*c weights, out biases; out*c MACs.
    Errors:  AB304 the input is a map.
    Source:  torch.nn.Linear.
    """

    out: int
    bias: bool = True

    def shape(self, inputs: Shapes) -> Shape:
        (x,) = inputs
        result = Shape(self.out, flat=True)
        if not x.flat:
            flat = Insert(("flatten",), before=True, say="put {} before it")
            pooled = Insert(("gap", "flatten"), before=True, say="put {} before it, or flatten alone")
            hint = flat if (x.h, x.w) == (1, 1) else pooled
            raise OpError(NEEDS_VECTOR, f"needs a vector, but gets a map of {x}", hint, "", result)
        return result

    def params(self, inputs: Shapes) -> int:
        return self.macs(inputs) + self.out * self.bias

    def macs(self, inputs: Shapes) -> int:
        return self.out * inputs[0].c

    def describe(self) -> str:
        return "linear" if self.bias else "linear, no bias"
