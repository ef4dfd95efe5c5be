"""The pixels that a unit touches, which can be fewer than it spans: a dilation steps over some.

The hull of the touched pixels is the receptive field.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from archbuilder.analysis.bits import MAX_BITS, repeated
from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import INPUT
from archbuilder.ir.op import Op, Pointwise
from archbuilder.ir.ops import (
    AdaptivePool,
    AvgPool2d,
    Conv2d,
    Gate,
    GroupNorm,
    InstanceNorm2d,
    MaxPool2d,
    Pad2d,
    Upsample,
)
from archbuilder.ir.ops.merge import Merge
from archbuilder.ir.shape import Shape


class Touched(NamedTuple):
    """The pixels start + i for every bit i that is set; the lowest and the highest bit are."""

    start: int
    bits: int

    @property
    def span(self) -> int:
        return self.bits.bit_length()

    @property
    def pixels(self) -> int:
        return self.bits.bit_count()

    @property
    def has_holes(self) -> bool:
        return self.pixels < self.span

    def moved(self, by: int) -> Touched:
        return Touched(self.start + by, self.bits)

    def union(self, other: Touched) -> Touched:
        low = min(self.start, other.start)
        return Touched(low, self.bits << self.start - low | other.bits << other.start - low)


def touched(facts: Facts, axis: int) -> dict[str, Touched] | None:
    """What unit 0 of every map up to the one before the global pool touches, borders ignored.

    None where a position decides (upsampling, uneven bins) or the field is too wide to be walked.
    """
    found = {INPUT: Touched(0, 1)}
    for node in facts.graph.nodes.values():
        if facts.value in found:
            break
        stride = facts.reaches[node.inputs[0]].stride[axis]
        if isinstance(stride, Fraction) or facts.reaches[node.name].size[axis] > MAX_BITS:
            return None
        result = _step(node.op, [found[name] for name in node.inputs], stride, axis, facts.graph.inputs(node)[0])
        if result is None:
            return None
        found[node.name] = result
    return found


def _step(op: Op, inputs: list[Touched], stride: int, axis: int, shape: Shape) -> Touched | None:
    x = inputs[0]
    if isinstance(op, (Pointwise, Gate, GroupNorm, InstanceNorm2d)):  # gates and statistics left out, as from the field
        return x
    if isinstance(op, Upsample) and op.factor[axis] == 1:
        return x
    if isinstance(op, Merge):
        return reduce(Touched.union, inputs)
    if isinstance(op, Pad2d):
        return x.moved(-stride * (op.top, op.left)[axis])
    if isinstance(op, (Conv2d, MaxPool2d, AvgPool2d)):
        taps = repeated(x.bits, op.kernel[axis], op.dilation[axis] * stride)
        return Touched(x.start - stride * op.padding[axis], taps)
    if isinstance(op, AdaptivePool) and shape[1 + axis] % op.size[axis] == 0:
        return Touched(x.start, repeated(x.bits, shape[1 + axis] // op.size[axis], stride))
    return None
