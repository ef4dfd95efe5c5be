"""Functions that move values or split channels, and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archbuilder.importers.functions import reads
from archbuilder.importers.tape import Tape, Unsupported, Value, by
from archbuilder.ir import ops


@reads(
    *(
        "contiguous",
        "clone",
        "detach",
        "to",
        "type",
        "float",
        "double",
        "half",
        "type_as",
        "cpu",
        "cuda",
        "requires_grad",
    ),
    *("alias", "identity", "data", "pin_memory", "positive"),
)
def unchanged(tape: Tape, input: Value, *_: Any, **__: Any) -> Value:
    return input


@reads("view", "reshape", "flatten", "squeeze", "unsqueeze", "view_as", "reshape_as", "unflatten", "ravel")
def view(tape: Tape, input: Value, *_: Any, **__: Any) -> Value:
    """The same numbers in the same order, with the dimensions of torch's result."""
    if input.layout == "first":
        return replace(input, dims=tape.dims)
    shape = tape.shape(input)
    if input.layout == "dealt" and tape.dims == shape.dims:
        return tape.emit(ops.ChannelShuffle(input.groups), [input.step])
    raise Unsupported(f"views values as {by(tape.dims)} after their axes were moved")


@reads("expand", "expand_as", "broadcast_to")
def expand(tape: Tape, input: Value, *_: Any, **__: Any) -> Value:
    if tape.dims == input.dims:
        return input
    if tape.dims[:1] != input.dims[:1] or input.dims[1:] != (1, 1):
        raise Unsupported(f"repeats {by(input.dims)} to {by(tape.dims)}")
    return replace(input, dims=tape.dims, layout="spread")


@reads("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(tape: Tape, input: Value, groups: int) -> Value:
    return tape.emit(ops.ChannelShuffle(groups), [tape.map(input)])


@reads("permute")
def permute(tape: Tape, input: Value, *dims: Any) -> Value:
    order = list(dims[0] if isinstance(dims[0], Sequence) else dims)
    return _moved(tape, input, [axis % len(order) for axis in order])


@reads("transpose", "swapaxes", "swapdims")
def transpose(tape: Tape, input: Value, dim0: int, dim1: int) -> Value:
    order = list(range(len(input.dims) + 1))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return _moved(tape, input, order)


@reads("movedim", "moveaxis")
def movedim(tape: Tape, input: Value, source: int, destination: int) -> Value:
    order = list(range(len(input.dims) + 1))
    axis = order.pop(source)
    order.insert(destination % (len(input.dims) + 1), axis)
    return _moved(tape, input, order)


def _moved(tape: Tape, value: Value, order: list[int]) -> Value:
    """Permuted axes, including the batch: channels to the end and back, or the middle of a channel shuffle."""
    shape = tape.shape(value)
    if value.layout == "first" and value.dims == shape.dims and order == [0, 2, 3, 1]:
        return replace(value, dims=tape.dims, layout="last")
    if value.layout == "last" and order == [0, 3, 1, 2]:
        return replace(value, dims=tape.dims, layout="first")
    groups = value.dims[0]
    split = value.layout == "first" and len(value.dims) > 2 and groups * value.dims[1] == shape.c
    if split and order == [0, 2, 1, *range(3, len(order))]:
        return replace(value, dims=tape.dims, layout="dealt", groups=groups)
    raise Unsupported(f"moves the axes of {by(value.dims)}", "the language has channel_shuffle and norms over channels")


@reads("chunk")
def chunk(tape: Tape, input: Value, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    return split(tape, input, -(-input.dims[0] // chunks), dim)  # torch rounds up: the last one may be smaller


@reads("split", "tensor_split", "split_with_sizes")
def split(tape: Tape, tensor: Value, sizes: Any, dim: int = 0) -> tuple[Value, ...]:
    channels = tensor.dims[0]
    sizes = list(sizes) if isinstance(sizes, Sequence) else [sizes] * (channels // sizes)
    if sum(sizes) < channels:  # given one size: the rest
        sizes.append(channels - sum(sizes))
    return _cut(tape, tensor, len(sizes), dim, tuple(sizes) if len(set(sizes)) > 1 else ())


def _cut(tape: Tape, value: Value, parts: int, dim: int, sizes: tuple[int, ...] = ()) -> tuple[Value, ...]:
    if dim % (len(value.dims) + 1) != 1:
        raise Unsupported(f"splits along axis {dim}", "the language splits channels, axis 1")
    x = tape.map(value)
    return tuple(tape.emit(ops.ChannelSlice(part, parts, sizes), [x]) for part in range(parts))


@reads("getitem")
def getitem(tape: Tape, input: Value, key: Any) -> Value:
    tape.shape(input)  # nothing may follow a softmax
    keys: list[Any] = list(key) if isinstance(key, tuple) else [key]
    if _count(tape.dims) == _count(input.dims):  # same number of values: an axis of length 1 was added or removed
        return view(tape, input)
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys[at : at + 1] = [slice(None)] * (len(input.dims) + 2 - len(keys))
    keys += [slice(None)] * (len(input.dims) + 1 - len(keys))
    batch, channels, *rest = keys
    if batch != slice(None) or not all(isinstance(one, slice) for one in (channels, *rest)):
        raise Unsupported("takes a part of the map", "the language cuts channels, and takes every second pixel")
    made = _channels(tape, input, channels) if channels != slice(None) else input
    return _subsampled(tape, made, rest) if any(one != slice(None) for one in rest) else made


def _channels(tape: Tape, value: Value, cut: slice) -> Value:
    """Consecutive channels."""
    c = tape.shape(value).c
    start, stop, step = cut.indices(c)
    width = stop - start
    if step != 1 or width < 1:
        raise Unsupported("takes single channels", "the language takes consecutive channels")
    x = tape.map(value)
    if c % width == 0 and start % width == 0:
        return tape.emit(ops.ChannelSlice(start // width, c // width), [x])
    sizes = tuple(size for size in (start, width, c - stop) if size)
    return tape.emit(ops.ChannelSlice(int(start > 0), len(sizes), sizes), [x])


def _subsampled(tape: Tape, value: Value, cuts: Sequence[slice]) -> Value:
    """Every n-th pixel, from the first one: a pool with a window of one pixel."""
    x = tape.map(value)
    ranges = [cut.indices(n) for cut, n in zip(cuts, value.dims[1:], strict=True)]
    if any(start or stop != n for (start, stop, _), n in zip(ranges, value.dims[1:], strict=True)):
        raise Unsupported("takes a part of the map", "the language cuts channels, and takes every second pixel")
    return tape.emit(ops.AvgPool2d((1, 1), (ranges[0][2], ranges[1][2])), [x])


def _count(dims: tuple[int, ...]) -> int:
    """The number of values."""
    count = 1
    for length in dims:
        count *= length
    return count
