"""Sums, differences, products, quotients and concatenations, of values and of constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archbuilder.importers.functions import reads
from archbuilder.importers.functions.elementwise import fixed, known, part, per_channel, rescale
from archbuilder.importers.functions.excite import excite
from archbuilder.importers.tape import Tape, Unsupported, Value, address, by
from archbuilder.ir import ops


@reads("add", "radd", "iadd")
def add(tape: Tape, input: Any, other: Any, *, alpha: float = 1) -> Value:
    if not isinstance(input, Value):
        input, other = other, input
    if isinstance(other, Value):
        return _merge(tape, ops.Add(), input, rescale(tape, other, alpha))
    if isinstance(other, Tensor) and (found := tape.moments.shifted(tape, input, other)):
        return found
    return tape.moments.steadied(tape, input, other) or rescale(tape, input, offset=alpha * fixed(tape, other))


@reads("sub", "subtract", "isub")
def sub(tape: Tape, input: Any, other: Any, *, alpha: float = 1) -> Value:
    if isinstance(input, Value) and isinstance(other, Value):
        if found := tape.moments.centred(tape, input, other):
            return found
        return add(tape, input, rescale(tape, other, -alpha))
    if isinstance(input, Value):
        return rescale(tape, input, offset=-alpha * fixed(tape, other))
    return rescale(tape, other, -alpha, input)


@reads("rsub")
def rsub(tape: Tape, input: Any, other: Any, alpha: float = 1) -> Value:
    return sub(tape, other, input, alpha=alpha)


@reads("neg", "negative")
def neg(tape: Tape, input: Value) -> Value:
    return rescale(tape, input, -1)


@reads("div", "divide", "true_divide", "truediv", "itruediv")
def div(tape: Tape, input: Any, other: Any, *, rounding_mode: str | None = None) -> Value:
    if rounding_mode:
        raise Unsupported("divides and rounds")
    if isinstance(input, Value) and not isinstance(other, Value):
        return rescale(tape, input, 1 / fixed(tape, other))
    if isinstance(input, Value):
        if found := tape.moments.normed(tape, input, other, inverse=False):
            return found
        raise Unsupported("divides by a value that is computed from the image")
    return rescale(tape, part(tape, "reciprocal", other, torch.reciprocal), input)


@reads("rdiv", "rtruediv")
def rdiv(tape: Tape, input: Value, other: Any) -> Value:
    return div(tape, other, input)


@reads("mul", "multiply", "rmul", "imul")
def mul(tape: Tape, input: Any, other: Any) -> Value:
    if not isinstance(input, Value):
        input, other = other, input
    if isinstance(other, Tensor) and address(other) in tape.learnt:
        return _scale(tape, input, other)
    if not isinstance(other, Value):
        return rescale(tape, input, other)
    found = tape.moments.product(tape, input, other) or _gated(tape, input, other)
    return found or _merge(tape, ops.Multiply(), input, other)


@reads("addcmul")
def addcmul(tape: Tape, input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Value:
    return add(tape, input, mul(tape, tensor1, tensor2), alpha=value)


def _merge(tape: Tape, op: ops.Add | ops.Multiply, first: Value, second: Value) -> Value:
    a, b = tape.shape(first), tape.shape(second)
    if first.dims != second.dims or first.layout != second.layout:
        message = f"{op.VERB}s {by(first.dims)} and {by(second.dims)}"
        raise Unsupported(message, "make height, width and channels equal")
    if a == b:  # the same value twice has the same layout
        merged = tape.emit(op, _ordered(first.step, second.step))
        function = torch.add if isinstance(op, ops.Add) else torch.mul
        return known(tape, Value(merged.step, first.dims, first.layout), [first.step, second.step], function)
    return tape.emit(op, _ordered(tape.vector(first), tape.vector(second)))


def _ordered(first: int, second: int) -> list[int]:
    """Order operands, so that a sum computed twice, even with swapped operands, is one step."""
    return sorted((first, second))


@reads("cat", "concat", "concatenate")
def cat(tape: Tape, tensors: Sequence[Any], dim: int = 0, axis: int | None = None) -> Value:
    rank = len(tape.dims) + 1
    if (dim if axis is None else axis) % rank != 1:
        raise Unsupported(f"concatenates along axis {dim}", "the language concatenates channels, axis 1")
    values = [value for value in tensors if isinstance(value, Value)]
    if len(values) < len(tensors):
        return _with_zeros(tape, tensors, values)
    if len(tensors) == 1:
        return values[0]
    step = tape.vector if rank == 2 else tape.map
    return tape.concat([step(value) for value in values])


def _with_zeros(tape: Tape, tensors: Sequence[Any], values: Sequence[Value]) -> Value:
    """A map concatenated with channels of zeros."""
    zeros = [0 if isinstance(one, Value) else one.shape[1] for one in tensors]
    if len(values) > 1 or any(isinstance(one, Tensor) and bool(one.any()) for one in tensors):
        raise Unsupported("concatenates with a constant", "the language concatenates outputs of blocks, and zeros: pad")
    at = next(number for number, one in enumerate(tensors) if isinstance(one, Value))
    return tape.emit(ops.ChannelPad(sum(zeros[:at]), sum(zeros[at:])), [tape.map(values[0])])


def _scale(tape: Tape, value: Value, factors: Tensor) -> Value:
    """A map multiplied by one learnt factor per channel."""
    if not per_channel(tape, value, factors) or tape.shape(value).flat:
        message = f"multiplies by a learnt tensor of {by(tuple(factors.shape))}"
        raise Unsupported(message, "the language has one learnt factor per channel of a map: scale")
    first = float(f"{float(factors.flatten()[0]):.6g}")  # 0.1 instead of 0.10000000149 in float32
    same = bool((factors - first).abs().max() <= 1e-6 * abs(first))
    return tape.pointwise(ops.ChannelScale(first if same else 1.0), value, weight=factors)


def _gated(tape: Tape, first: Value, second: Value) -> Value | None:
    """A map multiplied by a factor per channel that is computed from it; None for other shapes."""
    for x, factors in ((first, second), (second, first)):
        shape = tape.shape(x)
        one_each = factors.dims == (shape.c, 1, 1) != x.dims or (factors.layout == "spread" and factors.dims == x.dims)
        if one_each and x.layout == "first" and x.dims == shape.dims and not shape.flat:
            return excite(tape, x, factors)
    return None
