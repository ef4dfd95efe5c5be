"""Recognises activations and norms that are written with elementary functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor

from archbuilder.importers.units import ACTIVATIONS
from archbuilder.ir import ops
from archbuilder.ir.op import Op
from archbuilder.ir.ops import Activation
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes
from archbuilder.modules.network import make_layer

if TYPE_CHECKING:
    from archbuilder.importers.tape import Tape, Value


GRID = torch.linspace(-12, 12, 193, dtype=torch.float64)
SAME = 1e-10  # tolerance between two curves at every point
LONGEST = 8  # the longest chain of elementwise functions that is followed


class Curves:
    """For each step, its results on GRID as a function of the values from which it is computed elementwise."""

    def __init__(self) -> None:
        self._known: dict[int, dict[int, Tensor]] = {}

    def follow(self, step: int, operands: Sequence[int], function: Callable[..., Tensor]) -> None:
        """Record that a step is an elementwise function of some values."""
        each = [{operand: GRID, **self._known.get(operand, {})} for operand in operands]
        bases = sorted(set.intersection(*(set(curves) for curves in each)), reverse=True)[:LONGEST]
        self._known[step] = {base: function(*(curves[base] for curves in each)) for base in bases}

    def activation(self, step: int) -> tuple[int, Activation] | None:
        """The nearest value of which a step is an activation, and that activation; None if there is none."""
        for base, curve in self._known.get(step, {}).items():
            for op, known in _activations().items():
                if _same(curve, known):
                    return base, op
            slope = -float(curve[GRID == -1])
            if 0 < abs(slope) < 1 and _same(curve, torch.where(GRID > 0, GRID, slope * GRID)):
                return base, Activation("leaky_relu", float(f"{slope:.12g}"))
        return None


def _same(curve: Tensor, known: Tensor) -> bool:
    return bool(((curve - known).abs() <= SAME).all())  # False for nan


@cache
def _activations() -> dict[Activation, Tensor]:
    found = {}
    for kind in sorted(ACTIVATIONS - {"prelu"}):
        op = Activation(kind)
        found[op] = function_of(op)(GRID)
    return found


def function_of(op: Activation) -> Callable[[Tensor], Tensor]:
    """An activation without weights as a function of numbers."""
    layer = make_layer(op, (Shape(1),))

    def run(x: Tensor) -> Tensor:
        made: Tensor = layer(x.clone())
        return made

    return run


Part = Literal["mean", "centred", "squared", "variance", "steadied", "deviation", "inverse"]
Axes = tuple[int, ...]  # 1 the channels, 2 and 3 the map

NORMS = (ops.ChannelNorm, ops.GroupNorm, ops.InstanceNorm2d)
CHANNELS, MAP, ALL = (1,), (2, 3), (1, 2, 3)


@final
@dataclass(frozen=True)
class Moment(Op):
    """A part of a norm over some axes of a value; it has no block of its own."""

    part: Part
    axes: Axes
    eps: float = 0.0

    def shape(self, inputs: Shapes) -> Shape:
        (x,) = inputs
        if self.part in ("centred", "squared"):
            return x
        c, h, w = (1 if axis in self.axes else n for axis, n in zip(ALL, (x.c, x.h, x.w), strict=True))
        return Shape(c, h, w, x.flat)

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        return inputs[0]

    def describe(self) -> str:
        return f"a part of a norm ({self.part})"


class Moments:
    """Recognises the parts of norms on a tape; methods return None if a call is not such a part."""

    def mean(self, tape: Tape, value: Value, dims: set[int], keepdim: bool) -> Value | None:
        """The mean over channels, over the map, or over both; of squared differences it is the variance."""
        axes = _axes(tape, value, dims)
        if axes is None or not keepdim:
            return None
        squared = self._part(tape, value, "squared")
        if squared and squared.axes == axes:
            return self._emit(tape, replace(squared, part="variance"), value)
        # the mean over the whole map is a pool
        return self._emit(tape, Moment("mean", axes), value) if axes != MAP else None

    def variance(self, tape: Tape, value: Value, dims: set[int]) -> Value | None:
        axes = _axes(tape, value, dims)
        return self._emit(tape, Moment("variance", axes), value) if axes else None

    def centred(self, tape: Tape, value: Value, mean: Value) -> Value | None:
        step = tape.flow.steps.get(mean.step)
        if step is None or step.inputs != (value.step,):
            return None
        if step.op == ops.AdaptivePool():
            return self._emit(tape, Moment("centred", MAP), value)
        if isinstance(step.op, Moment) and step.op.part == "mean":
            return self._emit(tape, Moment("centred", step.op.axes), value)
        return None

    def power(self, tape: Tape, value: Value, exponent: float) -> Value | None:
        before: Part = "centred" if exponent == 2 else "steadied"
        part: Part | None = {2: "squared", 0.5: "deviation", -0.5: "inverse"}.get(exponent)  # type: ignore[assignment]
        moment = self._part(tape, value, before)
        return self._emit(tape, replace(moment, part=part), value) if moment and part else None

    def product(self, tape: Tape, first: Value, second: Value) -> Value | None:
        """A difference multiplied by itself, or by the inverse of the deviation."""
        if first.step == second.step:
            return self.power(tape, first, 2)
        return self.normed(tape, first, second, inverse=True) or self.normed(tape, second, first, inverse=True)

    def steadied(self, tape: Tape, value: Value, eps: object) -> Value | None:
        """The variance plus eps."""
        moment = self._part(tape, value, "variance")
        if moment is None or not isinstance(eps, (int, float)):
            return None
        return self._emit(tape, Moment("steadied", moment.axes, float(eps)), value)

    def normed(self, tape: Tape, centred: Value, by: Value, inverse: bool) -> Value | None:
        """The norm, complete once differences are divided by their deviation."""
        moment = self._part(tape, by, "inverse" if inverse else "deviation")
        first = self._part(tape, centred, "centred")
        base = self._of(tape, centred)
        if moment is None or first is None or first.axes != moment.axes or self._of(tape, by) != base:
            return None
        flat = tape.flow.shape(base).flat
        op: Op = ops.ChannelNorm(moment.eps, False)
        if moment.axes == ALL or flat:
            op = ops.GroupNorm(1, moment.eps, False)
        elif moment.axes == MAP:
            op = ops.InstanceNorm2d(moment.eps, False)
        return replace(centred, step=tape.emit(op, [base]).step)

    def shifted(self, tape: Tape, value: Value, summand: Tensor) -> Value | None:
        """Learnt factors and offsets after a norm, which become its weight and bias."""
        scale = tape.flow.steps.get(value.step)
        norm = tape.flow.steps.get(scale.inputs[0]) if scale and isinstance(scale.op, ops.ChannelScale) else None
        if (
            scale is None
            or norm is None
            or not isinstance(norm.op, (ops.ChannelNorm, ops.GroupNorm, ops.InstanceNorm2d))
        ):
            return None
        if norm.op.affine:
            return None
        tape.forget(scale)
        weights = {"weight": scale.weights["weight"], "bias": summand}
        return replace(value, step=tape.emit(replace(norm.op, affine=True), norm.inputs, **weights).step)

    def _part(self, tape: Tape, value: Value, part: Part) -> Moment | None:
        step = tape.flow.steps.get(value.step)
        return step.op if step and isinstance(step.op, Moment) and step.op.part == part else None

    def _of(self, tape: Tape, value: Value) -> int:
        """The value to which a part belongs; any other value itself."""
        step = tape.flow.steps.get(value.step)
        return step.inputs[0] if step and isinstance(step.op, Moment) else value.step

    def _emit(self, tape: Tape, moment: Moment, value: Value) -> Value:
        """Emit a part over the normalised value itself, given any of its parts."""
        return replace(value, step=tape.emit(moment, [self._of(tape, value)]).step, dims=tape.dims)


def _axes(tape: Tape, value: Value, dims: set[int]) -> Axes | None:
    """The axes of the underlying map for axes of the tensor."""
    shape = tape.shape(value)
    rank = len(value.dims)
    if shape.flat or rank == 1:
        return CHANNELS if dims == {1} and shape.flat else None
    if rank != 3 or value.layout not in ("first", "last"):
        return None
    order = {1: 1, 2: 2, 3: 3} if value.layout == "first" else {1: 2, 2: 3, 3: 1}
    found = tuple(sorted(order[dim] for dim in dims if dim in order))
    return found if found in (CHANNELS, MAP, ALL) and len(found) == len(dims) else None
