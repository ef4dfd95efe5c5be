"""What backward keeps of each op, as torch's autograd does; a test holds every row against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from archbuilder.ir import ops
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shape, Shapes

INDEX = 8  # bytes of an index of a max pool


class Kept(NamedTuple):
    """What an op keeps from forward to backward, beside its parameters.

    `inputs` are positions among its inputs, `output` its own value; `scalars` are further numbers in
    the network's dtype, `masked` those of a dropout's mask, `indices` those of a max pool.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    scalars: int = 0
    masked: int = 0
    indices: int = 0


class Operands(NamedTuple):
    """Shapes of an op's inputs and output, and which inputs need a gradient."""

    inputs: Shapes
    output: Shape
    needs: tuple[bool, ...]


NOTHING = Kept()
INPUT = Kept((0,))

Rule = Callable[[Any, Operands], Kept]
_rules: dict[type[Op], Rule] = {}
R = TypeVar("R", bound=Rule)


def _rule(*kinds: type[Op]) -> Callable[[R], R]:
    def keep(function: R) -> R:
        _rules.update(dict.fromkeys(kinds, function))
        return function

    return keep


def kept(op: Op, operands: Operands) -> Kept:
    """What an op keeps whose output needs a gradient."""
    return _rules[type(op)](op, operands)


def has_rule(kind: type[Op]) -> bool:
    return kind in _rules


@_rule(
    ops.Add, ops.ChannelShuffle, ops.ChannelSlice, ops.Concat, ops.Flatten, ops.Upsample
)  # their gradient needs no value
def _nothing(op: Op, x: Operands) -> Kept:
    return NOTHING


@_rule(ops.AvgPool2d, ops.ChannelScale, ops.Linear)
def _input(op: Op, x: Operands) -> Kept:
    return INPUT


@_rule(ops.Conv2d)
def _conv(op: ops.Conv2d, x: Operands) -> Kept:
    if op.padding_mode == "zeros":
        return INPUT
    before, (top, left) = x.inputs[0], op.padding  # torch pads into a new map first, even by 0, and keeps that
    padded = before.c * (before.h + 2 * top) * (before.w + 2 * left)
    return Kept((0,) * (op.padding_mode != "circular" and x.needs[0]), scalars=padded)


@_rule(ops.Pad2d)
def _pad(op: ops.Pad2d, x: Operands) -> Kept:
    return INPUT if op.mode in ("reflect", "replicate") else NOTHING


@_rule(ops.BatchNorm2d)
def _batch_norm(op: ops.BatchNorm2d, x: Operands) -> Kept:
    return Kept((0,), scalars=2 * x.output.c)  # mean and deviation of each channel


@_rule(ops.InstanceNorm2d)
def _instance_norm(op: ops.InstanceNorm2d, x: Operands) -> Kept:
    return Kept((0,), scalars=(2 + op.affine) * x.output.c)


@_rule(ops.GroupNorm)
def _group_norm(op: ops.GroupNorm, x: Operands) -> Kept:
    return Kept((0,), scalars=2 * op.groups)


@_rule(ops.ChannelNorm)
def _channel_norm(op: ops.ChannelNorm, x: Operands) -> Kept:
    return Kept((0,), scalars=2 * x.output.h * x.output.w)


@_rule(ops.Activation)
def _activation(op: ops.Activation, x: Operands) -> Kept:
    if op.kind in ("relu", "sigmoid", "tanh"):
        return Kept(output=True)  # their gradient is a function of the result
    return Kept((0,), scalars=2 * x.output.elements * (op.kind == "tanhexp"))


@_rule(ops.Dropout)
def _dropout(op: ops.Dropout, x: Operands) -> Kept:
    return Kept(masked=(x.output.c if op.channels else x.output.elements) * (op.p > 0))


@_rule(ops.MaxPool2d)
def _max_pool(op: ops.MaxPool2d, x: Operands) -> Kept:
    return Kept((0,), indices=x.output.elements)


@_rule(ops.AdaptivePool)
def _adaptive_pool(op: ops.AdaptivePool, x: Operands) -> Kept:
    if op.maximum:
        return Kept((0,), indices=x.output.elements)
    return NOTHING if op.size == (1, 1) else INPUT  # a global average is a plain mean


@_rule(ops.Gate, ops.Multiply)
def _product(op: Op, x: Operands) -> Kept:
    """Each factor for the gradient of the product before it, and the other way round; the first is a product of one."""
    wanted = [i for i in range(1, len(x.needs)) if any(x.needs[:i])] + [0] * x.needs[1]
    return Kept(tuple(wanted), scalars=sum(x.needs[2:]) * x.output.elements)
