"""Arithmetic with constants, and functions that occur only as parts of handwritten activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from archbuilder.importers.functions import reads
from archbuilder.importers.handwritten_layers import function_of
from archbuilder.importers.tape import Tape, Unsupported, Value, by
from archbuilder.ir import ops
from archbuilder.ir.op import Op

Function = Callable[..., Tensor]


def known(tape: Tape, made: Value, operands: Sequence[int], function: Function) -> Value:
    """The value, or if its curve is that of an activation of an earlier value, that activation."""
    tape.curves.follow(made.step, operands, function)
    if found := tape.curves.activation(made.step):
        base, op = found
        made = replace(made, step=tape.emit(op, [base]).step)
        tape.curves.follow(made.step, [base], function_of(op))
    return made


def part(tape: Tape, name: str, input: Value, function: Function) -> Value:
    """A function that has no block of its own, only as a part of an activation."""
    return known(tape, tape.pointwise(ops.Activation(name), input), [input.step], function)


def rescale(tape: Tape, value: Value, scale: Any = 1, offset: Any = 0) -> Value:
    """A value times a constant plus a constant: numbers, or tensors of one number or of one per channel.

    Two of them in a row are combined. Raises Unsupported for constants of another shape, or learnt ones."""
    tape.shape(value)  # nothing may follow a softmax
    plain = not any(isinstance(constant, Tensor) for constant in (scale, offset))
    if plain and (scale, offset) == (1, 0):
        return value
    factor, summand = (_constant(tape, value, constant) for constant in (scale, offset))
    start, before = value.step, tape.flow.steps.get(value.step)
    if before and isinstance(before.op, ops.Rescale):
        plain = plain and not before.constants
        first, second = (_tensor(before.constants.get(n, getattr(before.op, n))) for n in ("scale", "offset"))
        factor, summand, start = first * factor, second * factor + summand, before.inputs[0]
    short: Callable[[Tensor], Any] = _exact if plain else _short
    op = ops.Rescale(short(factor), short(summand))
    constants = {} if plain else {"scale": factor, "offset": summand}
    made = replace(value, step=tape.emit_constants(op, replace(value, step=start), constants).step)
    if isinstance(op.scale, tuple) or isinstance(op.offset, tuple):
        return made
    scaled, moved = op.scale, op.offset
    return known(tape, made, [start], lambda x: x * scaled + moved)


def _tensor(constant: Any) -> Tensor:
    return constant if isinstance(constant, Tensor) else torch.tensor(constant, dtype=torch.float64)


def fixed(tape: Tape, constant: Any) -> Any:
    """A constant; a tensor is converted to double precision. Raises Unsupported for a learnt one."""
    if not isinstance(constant, Tensor):
        return constant
    if tape.sources(constant):
        message = f"a learnt tensor of {by(tuple(constant.shape))}"
        raise Unsupported(message, "the language has a learnt factor per channel: scale")
    return constant.double()


def _constant(tape: Tape, value: Value, constant: Any) -> Tensor:
    """The constant in double precision: a number, or one per channel."""
    constant = fixed(tape, constant)
    if not isinstance(constant, Tensor):
        return _tensor(constant)
    if constant.numel() == 1:
        return constant.reshape(())
    if not per_channel(tape, value, constant):
        message = f"a constant of {by(tuple(constant.shape))}"
        raise Unsupported(message, "the language has constants of one number, or of one per channel: rescale")
    return constant.flatten()


def per_channel(tape: Tape, value: Value, tensor: Tensor) -> bool:
    """Whether a tensor, when broadcast, has one number for each channel of a value."""
    shape = tape.shape(value)
    if len(value.dims) == 1 or value.layout == "last":
        return tensor.numel() == shape.c == tensor.shape[-1]
    return tensor.numel() == shape.c and tuple(tensor.shape[-3:]) == (shape.c, 1, 1)


def _exact(constant: Tensor) -> Any:
    return constant.tolist()


def _short(constant: Tensor) -> Any:
    """The shortest decimals that are the same in float32; the proof uses the constants as they are."""
    numbers = [_decimals(float(n)) for n in constant.flatten()]
    return numbers[0] if constant.dim() == 0 else tuple(numbers)


def _decimals(number: float) -> float:
    single = torch.tensor(number, dtype=torch.float32)
    texts = (f"{number:.{digits}g}" for digits in range(1, 10))
    return float(next((t for t in texts if torch.tensor(float(t), dtype=torch.float32) == single), number))


@reads("reciprocal")
def reciprocal(tape: Tape, input: Value) -> Value:
    return part(tape, "reciprocal", input, torch.reciprocal)


@reads("exp")
def exp(tape: Tape, input: Value) -> Value:
    return part(tape, "exp", input, torch.exp)


@reads("log")
def log(tape: Tape, input: Value) -> Value:
    return part(tape, "log", input, torch.log)


@reads("log1p")
def log1p(tape: Tape, input: Value) -> Value:
    return part(tape, "log1p", input, torch.log1p)


@reads("erf")
def erf(tape: Tape, input: Value) -> Value:
    return part(tape, "erf", input, torch.erf)


@reads("abs", "absolute")
def absolute(tape: Tape, input: Value) -> Value:
    return part(tape, "abs", input, torch.abs)


@reads("pow", "ipow")
def power(tape: Tape, input: Any, exponent: Any) -> Value:
    if not isinstance(input, Value) or isinstance(exponent, (Value, Tensor)):
        raise Unsupported("uses a computed exponent")
    if found := tape.moments.power(tape, input, exponent):
        return found
    return part(tape, f"power {exponent:g}", input, lambda x: torch.pow(x, exponent))


@reads("square")
def square(tape: Tape, input: Value) -> Value:
    return power(tape, input, 2)


@reads("sqrt")
def sqrt(tape: Tape, input: Value) -> Value:
    return power(tape, input, 0.5)


@reads("rsqrt")
def rsqrt(tape: Tape, input: Value) -> Value:
    return power(tape, input, -0.5)


@reads("maximum", "minimum", "fmax", "fmin")
def extreme(tape: Tape, input: Any, other: Any) -> Value:
    raise Unsupported("compares two values", "`archbuilder blocks activation` lists the activations")


def cut_off(tape: Tape, input: Value, low: Any, high: Any) -> Value:
    """Clamping to a range: relu, relu6, or the last part of an activation."""
    if low == 0 and high in (None, 6):
        return pointwise(tape, ops.Activation("relu" if high is None else "relu6"), input)
    if all(bound is None or isinstance(bound, (int, float)) for bound in (low, high)):
        found = part(tape, "clamp", input, lambda x: x.clamp(low, high))
        if tape.flow.steps[found.step].op != ops.Activation("clamp"):
            return found
    bounds = f"to at most {high}" if low is None else f"to at least {low}"
    bounds = bounds if None in (low, high) else f"to the range from {low} to {high}"
    raise Unsupported(f"clamps values {bounds}", "the language has relu and relu6")


def pointwise(tape: Tape, op: ops.Activation, input: Value, **weights: Tensor | None) -> Value:
    """An activation called by its own function."""
    made = tape.pointwise(op, input, **weights)
    if not weights:
        tape.curves.follow(made.step, [input.step], function_of(op))
    return made


def by_hand(tape: Tape, op: Op, made: Value, operands: Sequence[int]) -> Value:
    """A sum or product of values; if all come from the same value, possibly an activation."""
    function = torch.add if isinstance(op, ops.Add) else torch.mul
    return known(tape, made, operands, function)
