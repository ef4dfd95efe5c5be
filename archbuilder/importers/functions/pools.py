"""Pooling and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archbuilder.importers.functions import reads
from archbuilder.importers.functions.layers import pair
from archbuilder.importers.tape import Layout, Tape, Unsupported, Value
from archbuilder.ir import ops
from archbuilder.ir.op import OpError


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
    if divisor_override is not None:
        raise Unsupported("uses an average with another divisor than the window size", "remove divisor_override")
    x = tape.map(input)
    counted = count_include_pad or not any(pair(padding))
    op = ops.AvgPool2d(pair(kernel_size), pair(stride or kernel_size), pair(padding), ceil_mode, counted)
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
    op = ops.MaxPool2d(pair(kernel_size), pair(stride or kernel_size), pair(padding), pair(dilation), ceil_mode)
    return _pool(tape, op, tape.map(input))


def _pool(tape: Tape, op: ops.AvgPool2d | ops.MaxPool2d, x: int) -> Value:
    """The pool, without a ceil_mode that has no effect on this map."""
    floor = replace(op, ceil_mode=False)
    try:
        same = floor.shape((tape.flow.shape(x),)).dims == tape.dims
    except OpError:
        same = False
    return tape.emit(floor if same else op, [x])


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


@reads("var")
def var(
    tape: Tape, input: Value, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
) -> Value:
    """The variance of a handwritten norm."""
    axes = {axis % (len(input.dims) + 1) for axis in (dim if isinstance(dim, Sequence) else [dim])} if dim else set()
    plain = keepdim and (correction == 0 if correction is not None else not unbiased)
    found = tape.moments.variance(tape, input, axes) if plain else None
    if found is None:
        hint = "norms use the variance over channels, the map or both, with unbiased=False and keepdim=True"
        raise Unsupported("a variance", hint)
    return found


@reads("max")
def maximum(tape: Tape, input: Value, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Value:
    """The maximum along an axis, or of two values, for which there is no block."""
    if not isinstance(dim, int):
        raise Unsupported("compares two values", "`archbuilder blocks activation` lists the activations")
    return _reduce(tape, input, dim, keepdim, maximum=True)


@reads("amax")
def amax(tape: Tape, input: Value, dim: Any = (), keepdim: bool = False) -> Value:
    return _reduce(tape, input, dim, keepdim, maximum=True)


def _reduce(tape: Tape, input: Value, dim: Any, keepdim: bool, maximum: bool) -> Value:
    """A mean or maximum over both axes of the map is a global pool, also if the axes are reduced one after the
    other."""
    shape, rank = tape.shape(input), len(input.dims) + 1
    axes = {axis % rank for axis in (dim if isinstance(dim, Sequence) else [dim])} if dim is not None else set()
    half: Layout = "peaks" if maximum else "rows"
    # the remaining axis, if one is already reduced
    left = {axis for axis, n in enumerate(input.dims[1:], 2) if n > 1} or {2}
    whole = (input.layout, input.dims, axes) in (
        ("first", shape.dims, {2, 3}),
        ("first", (shape.c, shape.h * shape.w), {2}),
        ("last", (shape.h, shape.w, shape.c), {1, 2}),
        (half, input.dims, left),
    )
    if not maximum and (found := tape.moments.mean(tape, input, axes, keepdim)):
        return found
    if whole and not shape.flat:
        layout: Layout = "last" if input.layout == "last" and keepdim else "first"
        return replace(tape.emit(ops.AdaptivePool(maximum=maximum), [input.step]), dims=tape.dims, layout=layout)
    if (input.layout, input.dims) == ("first", shape.dims) and axes in ({2}, {3}) and not shape.flat:
        return Value(input.step, tape.dims, half)
    word = "maximum" if maximum else "mean"
    raise Unsupported(
        f"takes a {word} over other axes than height and width",
        f"the language has it over the whole map: {word}((2, 3))",
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
