"""Layers with weights: convolutions, linear layers, norms, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from archbuilder.importers.functions import reads
from archbuilder.importers.tape import Tape, Unsupported, Value, address, by
from archbuilder.ir import ops

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, bottom, left, right


def pair(value: Any) -> Pair:
    """(height, width) of a torch argument: a number, or one per axis."""
    values = [int(v) for v in value] if isinstance(value, (list, tuple)) else [int(value)]
    return (values[0], values[-1])


@reads("conv2d")
def conv2d(
    tape: Tape,
    input: Value,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    x = tape.map(input)
    _constant(weight, bias)
    out, _, height, width = weight.shape
    sides = _sides(padding, (height, width), pair(dilation))
    x, sides, mode = _with_pad(tape, x, sides)
    if sides[0] != sides[1] or sides[2] != sides[3]:
        x = tape.emit(ops.Pad2d(*sides, mode), [x]).step
        sides, mode = (0, 0, 0, 0), "zeros"
    op = ops.Conv2d(
        out,
        (height, width),
        pair(stride),
        pair(dilation),
        (sides[0], sides[2]),
        groups,
        bias is not None,
        mode,
        _frozen(tape, weight),
    )
    return tape.emit(op, [x], weight=weight, bias=bias)


def _sides(padding: Any, kernel: Pair, dilation: Pair) -> Sides:
    """A conv's own padding per side; `same` puts the smaller half first, as torch does."""
    if padding == "valid":
        return (0, 0, 0, 0)
    if padding == "same":
        height, width = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        return (height // 2, height - height // 2, width // 2, width - width // 2)
    top, left = pair(padding)
    return (top, top, left, left)


def _with_pad(tape: Tape, x: int, sides: Sides) -> tuple[int, Sides, str]:
    """Merge a padding layer into the conv after it: (its input, total padding per side, padding mode)."""
    step = tape.flow.steps.get(x)
    if step is None or not isinstance(step.op, ops.Pad2d):
        return x, sides, "zeros"
    before = (step.op.top, step.op.bottom, step.op.left, step.op.right)
    if step.op.mode != "zeros" and any(sides):
        raise Unsupported(f"pads by zeros after padding by {step.op.mode}")
    top, bottom, left, right = (a + b for a, b in zip(before, sides, strict=True))
    return step.inputs[0], (top, bottom, left, right), step.op.mode


@reads("pad")
def pad(tape: Tape, input: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    x = tape.map(input)
    left, right, top, bottom, before, after = [*pad, 0, 0, 0, 0, 0, 0][:6]
    if any(pad[6:]) or min(pad) < 0:
        raise Unsupported(f"pads the batch axis, or crops: {tuple(pad)}")
    if mode == "constant" and value:
        raise Unsupported(f"pads by {value}", "the language pads by zeros, reflect, replicate or circular")
    if before or after:
        x = tape.emit(ops.ChannelPad(before, after), [x]).step
    if not any((top, bottom, left, right)) and (before or after):
        return Value(x, tape.dims)
    return tape.emit(ops.Pad2d(top, bottom, left, right, "zeros" if mode == "constant" else mode), [x])


@reads("linear")
def linear(tape: Tape, input: Value, weight: Tensor, bias: Tensor | None = None) -> Value:
    _constant(weight, bias)
    tape.shape(input)
    if input.layout == "last":  # a linear layer over the channels of each pixel is a 1x1 conv
        op = ops.Conv2d(weight.shape[0], (1, 1), bias=bias is not None, frozen=_frozen(tape, weight))
        made = tape.emit(op, [input.step], weight=weight, bias=bias)
        return Value(made.step, (*made.dims[1:], made.dims[0]), "last")
    if len(input.dims) != 1:
        raise Unsupported(f"a linear layer over {by(input.dims)}", "flatten the map before it")
    return tape.emit(ops.Linear(weight.shape[0], bias is not None), [tape.vector(input)], weight=weight, bias=bias)


@reads("batch_norm")
def batch_norm(
    tape: Tape,
    input: Value,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    if training or running_mean is None:
        raise Unsupported("batch norm without running statistics", "leave track_running_stats on")
    if momentum == 0:
        usual = f"written with momentum {ops.BatchNorm2d().momentum}"
        tape.note(
            f"{tape.path} averages its statistics over all batches (momentum=None), or never changes them: {usual}"
        )
        momentum = ops.BatchNorm2d().momentum
    weights = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    return tape.emit(ops.BatchNorm2d(eps, momentum, _affine(weight, bias)), [_either(tape, input)], **weights)


@reads("group_norm")
def group_norm(
    tape: Tape,
    input: Value,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    op = ops.GroupNorm(num_groups, eps, _affine(weight, bias))
    return tape.emit(op, [_either(tape, input)], weight=weight, bias=bias)


@reads("instance_norm")
def instance_norm(
    tape: Tape,
    input: Value,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    if running_mean is not None:
        raise Unsupported("instance norm with running statistics", "leave track_running_stats off")
    return tape.emit(ops.InstanceNorm2d(eps, _affine(weight, bias)), [tape.map(input)], weight=weight, bias=bias)


@reads("layer_norm")
def layer_norm(
    tape: Tape,
    input: Value,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    shape = tape.shape(input)
    if input.layout == "last" and tuple(normalized_shape) == (shape.c,):
        return tape.pointwise(ops.ChannelNorm(eps, _affine(weight, bias)), input, weight=weight, bias=bias)
    if tuple(normalized_shape) == input.dims == (shape.elements,):
        return tape.emit(ops.GroupNorm(1, eps, _affine(weight, bias)), [tape.vector(input)], weight=weight, bias=bias)
    if tuple(normalized_shape) == shape.dims and weight is None:
        return tape.emit(ops.GroupNorm(1, eps, False), [tape.map(input)])
    message = f"layer norm over {by(tuple(normalized_shape))} with weights of that shape"
    raise Unsupported(message, "the language has it with a weight per channel: GroupNorm(1, channels)")


def _affine(weight: Tensor | None, bias: Tensor | None) -> bool:
    """Whether a norm is affine. Raises Unsupported if it has only a weight or only a bias."""
    if (weight is None) != (bias is None):
        raise Unsupported(
            "uses a norm with only a weight or only a bias", "a norm of the language has both or neither: affine"
        )
    return weight is not None


def _either(tape: Tape, value: Value) -> int:
    """The step of a value that is a vector or a map."""
    return tape.vector(value) if len(value.dims) == 1 else tape.map(value)


def _constant(*weights: object) -> None:
    if any(isinstance(weight, Value) for weight in weights):
        raise Unsupported("uses weights that are computed from the image")


def _frozen(tape: Tape, weight: Tensor) -> bool:
    """Whether training does not change a weight: fixed numbers, or a frozen parameter (unless all parameters are
    frozen)."""
    if not tape.sources(weight):
        return True
    return not weight.requires_grad and address(weight) in tape.learnt and not tape.all_frozen
