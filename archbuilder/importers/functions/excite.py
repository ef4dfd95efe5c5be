"""Squeeze-and-excite, written with 1x1 convs or with linear layers."""

from __future__ import annotations

from archbuilder.importers.flow import Step
from archbuilder.importers.tape import Tape, Unsupported, Value
from archbuilder.importers.units import kind
from archbuilder.ir import ops

_HINT = "the language has squeeze-excite: global average pool, 1x1 conv, activation, 1x1 conv, sigmoid or hardsigmoid"


def excite(tape: Tape, x: Value, factors: Value) -> Value:
    """A map multiplied by its gate. Raises Unsupported for another kind of gate."""
    gate = _back(tape, factors.step, ops.Activation)
    expand = _back(tape, gate.inputs[0], ops.Conv2d, ops.Linear)
    middle = _back(tape, expand.inputs[0], ops.Activation)
    reduce = _back(tape, middle.inputs[0], ops.Conv2d, ops.Linear)
    squeeze = _back(tape, reduce.inputs[0], ops.AdaptivePool, ops.Flatten)
    if isinstance(squeeze.op, ops.Flatten):
        squeeze = _back(tape, squeeze.inputs[0], ops.AdaptivePool)
    known = gate.op in (ops.Activation("sigmoid"), ops.Activation("hardsigmoid")) and bool(kind(middle))
    if not known or squeeze.op != ops.AdaptivePool() or squeeze.inputs != (x.step,):
        raise Unsupported("a gate of its own kind", _HINT)
    if ("bias" in reduce.weights) != ("bias" in expand.weights):
        raise Unsupported(
            "uses a gate with only one bias", "both layers of a squeeze-excite have a bias, or neither has: bias: false"
        )
    value = squeeze.id
    for layer, activation in ((reduce, middle), (expand, gate)):
        value = tape.emit(activation.op, [_as_conv(tape, layer, value)], **activation.weights).step
    return tape.emit(ops.Gate(), [tape.map(x), value])


def _back(tape: Tape, value: int, *kinds: type) -> Step:
    step = tape.flow.steps.get(value)
    if step is None or not isinstance(step.op, kinds):
        raise Unsupported("a gate of its own kind", _HINT)
    return step


def _as_conv(tape: Tape, layer: Step, value: int) -> int:
    """The layer as a 1x1 conv over the value; the new step replaces the layer's own step."""
    op = ops.Conv2d(layer.shape.c, (1, 1), bias="bias" in layer.weights)
    if isinstance(layer.op, ops.Conv2d) and layer.op != op:
        raise Unsupported("a gate of its own kind", _HINT)
    tape.forget(layer)
    return tape.emit(op, [value], **layer.weights).step
