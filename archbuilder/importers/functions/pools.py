"""Pooling and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archbuilder.importers.functions import reads
from archbuilder.importers.functions.layers import pair
from archbuilder.importers.tape import Tape, Unsupported, Value, by
from archbuilder.ir import ops


@reads("avg_pool2d")
def avg_pool2d(
    tape: Tape,
    input: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    if divisor_override is not None or (not count_include_pad and any(pair(padding))):
        raise Unsupported("an average that does not divide by its whole window", "padding counts as zeros here")
    x = tape.map(input)
    op = ops.AvgPool2d(pair(kernel_size), pair(stride or kernel_size), pair(padding))
    if op.is_global((tape.flow.shape(x),)):
        return tape.emit(ops.AdaptivePool(), [x])
    return _pool(tape, op, x)


@reads("max_pool2d")
def max_pool2d(
    tape: Tape,
    input: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    op = ops.MaxPool2d(pair(kernel_size), pair(stride or kernel_size), pair(padding), pair(dilation))
    return _pool(tape, op, tape.map(input))


def _pool(tape: Tape, op: ops.AvgPool2d | ops.MaxPool2d, x: int) -> Value:
    shape = op.shape((tape.flow.shape(x),))
    if shape.dims != tape.dims:
        message = f"a pool with ceil_mode, which gives {by(tape.dims)} where the language gives {by(shape.dims)}"
        raise Unsupported(message, "leave ceil_mode off")
    return tape.emit(op, [x])


@reads("adaptive_avg_pool2d")
def adaptive_avg_pool2d(tape: Tape, input: Value, output_size: Any) -> Value:
    return _adaptive(tape, input, False)


@reads("adaptive_max_pool2d")
def adaptive_max_pool2d(tape: Tape, input: Value, output_size: Any, return_indices: bool = False) -> Value:
    return _adaptive(tape, input, True)


def _adaptive(tape: Tape, input: Value, maximum: bool) -> Value:
    _, height, width = tape.dims
    return tape.emit(ops.AdaptivePool((height, width), maximum), [tape.map(input)])


@reads("mean")
def mean(tape: Tape, input: Value, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Value:
    return _reduce(tape, input, dim, keepdim, maximum=False)


@reads("amax")
def amax(tape: Tape, input: Value, dim: Any = (), keepdim: bool = False) -> Value:
    return _reduce(tape, input, dim, keepdim, maximum=True)


def _reduce(tape: Tape, input: Value, dim: Any, keepdim: bool, maximum: bool) -> Value:
    """A mean or maximum over both axes of the map is a global pool, also where the two come one after the other."""
    shape, rank = tape.shape(input), len(input.dims) + 1
    axes = {axis % rank for axis in (dim if isinstance(dim, Sequence) else [dim])} if dim is not None else set()
    whole = (input.layout, input.dims, axes) in (
        ("first", shape.dims, {2, 3}),
        ("first", (shape.c, shape.h * shape.w), {2}),
        ("rows", (shape.c, shape.h), {2}),
    )
    if whole and not shape.flat:
        return replace(tape.emit(ops.AdaptivePool(maximum=maximum), [input.step]), dims=tape.dims)
    if (input.layout, input.dims, axes, keepdim) == ("first", shape.dims, {3}, False) and not maximum:
        return Value(input.step, tape.dims, "rows")
    word = "maximum" if maximum else "mean"
    raise Unsupported(
        f"a {word} over other axes than height and width", f"the language has it over the whole map: {word}((2, 3))"
    )


@reads("interpolate", "upsample")
def interpolate(
    tape: Tape,
    input: Value,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    *_: Any,
    **__: Any,
) -> Value:
    x = tape.map(input)
    height, width, new_height, new_width = *input.dims[1:], *tape.dims[1:]
    if new_height % height or new_width % width or mode not in ("nearest", "bilinear") or align_corners:
        message = (
            f"resizes {height}x{width} to {new_height}x{new_width}, {mode}{', align_corners' * bool(align_corners)}"
        )
        raise Unsupported(message, "the language enlarges by whole factors, nearest or bilinear without align_corners")
    return tape.emit(ops.Upsample((new_height // height, new_width // width), mode == "bilinear"), [x])
