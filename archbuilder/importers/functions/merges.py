"""Sums, products and concatenations, and what products of a map with itself or with factors stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from archbuilder.importers.functions import reads
from archbuilder.importers.functions.excite import excite
from archbuilder.importers.tape import Tape, Unsupported, Value, address, by
from archbuilder.ir import ops

# activations written by hand: x times these, the last one first
_TIMES_ITSELF = {("sigmoid",): "silu", ("tanh", "softplus"): "mish", ("tanh", "exp"): "tanhexp"}


@reads("add", "radd", "iadd")
def add(tape: Tape, input: Any, other: Any, *, alpha: float = 1) -> Value:
    if not isinstance(input, Value):
        input, other = other, input
    if isinstance(other, (int, float)) and other == 0:  # sum([a, b]) starts with 0
        return _same(input)
    if alpha != 1 or not isinstance(other, Value):
        what = "a multiple of another value" if isinstance(other, Value) else "a constant"
        raise Unsupported(f"adds {what}", "the language adds outputs of blocks")
    return _merge(tape, ops.Add(), input, other)


@reads("mul", "multiply", "rmul", "imul")
def mul(tape: Tape, input: Any, other: Any) -> Value:
    if not isinstance(input, Value):
        input, other = other, input
    if isinstance(other, (int, float)) and other == 1:
        return _same(input)
    if isinstance(other, Tensor):
        return _scale(tape, input, other)
    if not isinstance(other, Value):
        raise Unsupported(f"multiplies by {other}", "the language has learnt factors only: scale")
    return _times_itself(tape, input, other) or _gated(tape, input, other) or _merge(tape, ops.Multiply(), input, other)


@reads("div", "true_divide", "truediv", "itruediv")
def div(tape: Tape, input: Any, other: Any) -> Value:
    if isinstance(input, Value) and isinstance(other, (int, float)) and other == 1:
        return _same(input)
    raise Unsupported("divides", "the language has learnt factors only: scale")


def _same(value: Value) -> Value:
    return value


def _merge(tape: Tape, op: ops.Add | ops.Multiply, first: Value, second: Value) -> Value:
    a, b = tape.shape(first), tape.shape(second)
    if first.dims != second.dims or first.layout != second.layout:
        message = f"{op.VERB}s {by(first.dims)} and {by(second.dims)}"
        raise Unsupported(message, "make height, width and channels equal")
    if a == b:  # whatever the two look like now, they look alike
        merged = tape.emit(op, _ordered(first.step, second.step))
        return Value(merged.step, first.dims, first.layout)
    return tape.emit(op, _ordered(tape.vector(first), tape.vector(second)))


def _ordered(first: int, second: int) -> list[int]:
    """A sum that is computed twice is one, whichever way round it is written."""
    return sorted((first, second))


@reads("cat", "concat", "concatenate")
def cat(tape: Tape, tensors: Sequence[Value], dim: int = 0, axis: int | None = None) -> Value:
    if not all(isinstance(value, Value) for value in tensors):
        raise Unsupported("concatenates with a constant", "the language concatenates outputs of blocks")
    rank = len(tensors[0].dims) + 1
    if (dim if axis is None else axis) % rank != 1:
        raise Unsupported(f"concatenates along axis {dim}", "the language concatenates channels, axis 1")
    if len(tensors) == 1:
        return tensors[0]
    step = tape.vector if rank == 2 else tape.map
    return tape.concat([step(value) for value in tensors])


def _scale(tape: Tape, value: Value, factors: Tensor) -> Value:
    """A map times one learnt factor per channel."""
    shape = tape.shape(value)
    trailing = tuple(factors.shape) + ((1, 1) if value.layout == "last" else ())
    per_channel = trailing[-3:] == (shape.c, 1, 1) and factors.numel() == shape.c and not shape.flat
    if not per_channel or address(factors) not in tape.owned:
        message = f"multiplies by a constant of {by(tuple(factors.shape))}"
        raise Unsupported(message, "the language has one learnt factor per channel: scale")
    first = float(f"{float(factors.flatten()[0]):.6g}")  # 0.1, where float32 says 0.10000000149
    same = bool((factors - first).abs().max() <= 1e-6 * abs(first))
    return tape.pointwise(ops.ChannelScale(first if same else 1.0), value, weight=factors)


def _times_itself(tape: Tape, first: Value, second: Value) -> Value | None:
    """The activation that x * f(x) stands for, None where it is none."""
    for x, factor in ((first, second), (second, first)):
        for kinds, name in _TIMES_ITSELF.items():
            value = factor.step
            for kind in kinds:
                step = tape.flow.steps.get(value)
                value = step.inputs[0] if step and step.op == ops.Activation(kind) else -1
            if value == x.step and x.dims == factor.dims:
                return tape.pointwise(ops.Activation(name), x)
    return None


def _gated(tape: Tape, first: Value, second: Value) -> Value | None:
    """A map times a factor per channel that is computed from it, None where the shapes are others."""
    for x, factors in ((first, second), (second, first)):
        shape = tape.shape(x)
        one_each = factors.dims == (shape.c, 1, 1) != x.dims or (factors.layout == "spread" and factors.dims == x.dims)
        if one_each and x.layout == "first" and x.dims == shape.dims and not shape.flat:
            return excite(tape, x, factors)
    return None
