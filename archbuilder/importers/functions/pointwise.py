"""Activations, dropout, and the softmax at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from archbuilder.importers.functions import reads
from archbuilder.importers.functions.elementwise import cut_off, pointwise
from archbuilder.importers.tape import Tape, Unsupported, Value
from archbuilder.ir import ops


@reads("relu")
def relu(tape: Tape, input: Value, inplace: bool = False) -> Value:
    return _activation(tape, "relu", input)


@reads("relu6")
def relu6(tape: Tape, input: Value, inplace: bool = False) -> Value:
    return _activation(tape, "relu6", input)


@reads("hardtanh")
def hardtanh(tape: Tape, input: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:
    return clamp(tape, input, min_val, max_val)


@reads("clamp", "clip", "clamp_min")
def clamp(tape: Tape, input: Value, min: Any = None, max: Any = None) -> Value:
    return cut_off(tape, input, min, max)


@reads("leaky_relu")
def leaky_relu(tape: Tape, input: Value, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    return pointwise(tape, ops.Activation("leaky_relu", float(negative_slope)), input)


@reads("prelu")
def prelu(tape: Tape, input: Value, weight: Tensor) -> Value:
    return pointwise(tape, ops.Activation("prelu", channels=weight.numel() > 1), input, weight=weight)


@reads("elu")
def elu(tape: Tape, input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    return _activation(tape, "elu", input, alpha == 1)


@reads("gelu")
def gelu(tape: Tape, input: Value, approximate: str = "none") -> Value:
    return _activation(tape, "gelu" if approximate == "none" else f"gelu_{approximate}", input)


@reads("softplus")
def softplus(tape: Tape, input: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    return _activation(tape, "softplus", input, (beta, threshold) == (1, 20))


@reads("selu")
def selu(tape: Tape, input: Value, inplace: bool = False) -> Value:
    return _activation(tape, "selu", input)


@reads("silu")
def silu(tape: Tape, input: Value, inplace: bool = False) -> Value:
    return _activation(tape, "silu", input)


@reads("mish")
def mish(tape: Tape, input: Value, inplace: bool = False) -> Value:
    return _activation(tape, "mish", input)


@reads("hardswish")
def hardswish(tape: Tape, input: Value, inplace: bool = False) -> Value:
    return _activation(tape, "hardswish", input)


@reads("hardsigmoid")
def hardsigmoid(tape: Tape, input: Value, inplace: bool = False) -> Value:
    return _activation(tape, "hardsigmoid", input)


@reads("sigmoid")
def sigmoid(tape: Tape, input: Value) -> Value:
    return _activation(tape, "sigmoid", input)


@reads("tanh")
def tanh(tape: Tape, input: Value) -> Value:
    return _activation(tape, "tanh", input)


def _activation(tape: Tape, kind: str, input: Value, usual: bool = True) -> Value:
    if not usual:
        raise Unsupported(f"{kind} with other parameters than torch's own defaults")
    return pointwise(tape, ops.Activation(kind), input)


@reads("dropout")
def dropout(tape: Tape, input: Value, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    return _dropout(tape, ops.Dropout(float(p)), input, training, inplace)


@reads("dropout2d", "feature_dropout")
def dropout2d(tape: Tape, input: Value, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    tape.map(input)
    return _dropout(tape, ops.Dropout(float(p), channels=True), input, training, inplace)


def _dropout(tape: Tape, op: ops.Dropout, input: Value, training: bool, inplace: bool) -> Value:
    tape.copies = not inplace
    if training:
        tape.always_drops = True
        where = f"{tape.place.file}:{tape.place.line}"
        tape.note(
            f"{where}: dropout without training=self.training drops in evaluation too; written as an ordinary dropout",
            in_file=True,
        )
    return tape.pointwise(op, input) if op.p > 0 else input


@reads("log_softmax")
def log_softmax(tape: Tape, input: Value, dim: int | None = None, *_: Any, **__: Any) -> Value:
    return _ending(tape, "log_softmax", input, dim)


@reads("softmax")
def softmax(tape: Tape, input: Value, dim: int | None = None, *_: Any, **__: Any) -> Value:
    return _ending(tape, "softmax", input, dim)


def _ending(tape: Tape, name: str, input: Value, dim: int | None) -> Value:
    tape.shape(input)
    if dim is not None and dim not in (1, -len(input.dims)):
        raise Unsupported(f"is applied over axis {dim} of {len(input.dims) + 1}", "the classes are axis 1")
    tape.note(f"{name} at {tape.place.file}:{tape.place.line} left out: a loss such as cross_entropy includes it")
    return replace(input, ending=name)
