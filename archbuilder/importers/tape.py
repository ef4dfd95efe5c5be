"""Writes a Flow while the network runs.

A torch tensor in the network is represented by a `Value`: a step of the flow, and the current layout of the tensor.
Reshaping makes no step: a view is recorded in the value and used only by the next layer, so that view(b, -1),
flatten(1), squeeze() and mean([2, 3]) need no rules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import Tensor

from archbuilder.diagnostics import Span
from archbuilder.importers.flow import Flow, Step
from archbuilder.importers.handwritten_layers import Curves, Moments
from archbuilder.ir.op import Op, OpError
from archbuilder.ir.ops import Add, ChannelSlice, Concat, Flatten, Multiply
from archbuilder.ir.shape import Shape
from archbuilder.remedy import Hint

# first: channels first, as in torch. last: channels moved to the end. dealt: inside a channel shuffle of `groups`
# groups, before the final view. rows: averaged over one axis of the map, before the other. peaks: the same for a
# maximum. spread: one number per channel, repeated over a map.
Layout = Literal["first", "last", "dealt", "rows", "peaks", "spread"]

_PURE = (Add, Multiply, Concat, ChannelSlice, Flatten)  # equal calls of these ops are recorded once


class Unsupported(Exception):
    """Raised for a call without a corresponding block; the recorder adds the place."""

    def __init__(self, message: str, hint: Hint = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Value:
    """A tensor: the step that made it, its current dimensions (without the batch), its layout.

    `ending` is the name of an applied softmax, which is allowed only at the end of the network."""

    step: int
    dims: tuple[int, ...]
    layout: Layout = "first"
    groups: int = 0
    ending: str = ""


@dataclass
class Tape:
    """The flow that is being recorded, and the state of the current call."""

    flow: Flow
    learnt: frozenset[int] = frozenset()  # the module's parameters, by `address`
    made: dict[int, frozenset[int]] = field(default_factory=dict)  # weights that are no parameters: their sources
    all_frozen: bool = False
    dims: tuple[int, ...] = ()  # of the actual result of the call, without the batch
    path: str = ""
    place: Span = field(default_factory=lambda: Span(""))
    unseen: Span | None = None  # place of a scripted module, whose functions cannot be observed
    calls: int = 0  # number of recorded calls
    copies: bool = False  # the result must be a separate tensor, although torch returned the operand
    always_drops: bool = False  # the network has a dropout that is always active
    # remarks in order, each once, and whether they are also written into the file
    notes: dict[str, bool] = field(default_factory=dict)
    curves: Curves = field(default_factory=Curves)
    moments: Moments = field(default_factory=Moments)
    _known: dict[Any, int] = field(default_factory=dict)
    _layers: dict[int, Step] = field(default_factory=dict)
    # by id; keeping the tensor keeps the id valid
    _derived: dict[int, tuple[Tensor, frozenset[int]]] = field(default_factory=dict)

    def note(self, text: str, in_file: bool = False) -> None:
        """Keep a remark for the report, and for the first lines of the file."""
        self.notes[text] = in_file

    def sources(self, *tensors: Tensor) -> frozenset[int]:
        """The parameters, by address, from which tensors are computed (or which they are); empty for fixed numbers."""
        found: set[int] = set()
        for tensor in tensors:
            if address(tensor) in self.learnt:
                found.add(address(tensor))
            elif id(tensor) in self._derived:
                found |= self._derived[id(tensor)][1]
        return frozenset(found)

    def derive(self, tensor: Tensor, sources: frozenset[int]) -> None:
        """Note that a tensor is computed from parameters."""
        self._derived[id(tensor)] = (tensor, sources)

    def map(self, value: Value) -> int:
        """The step of a value that must be a map of channels, height and width."""
        shape = self.shape(value)
        if value.layout == "first" and value.dims == shape.dims and not shape.flat:
            return value.step
        raise Unsupported(f"works on values that were rearranged to {by(value.dims)}", "give the layer a map (c, h, w)")

    def vector(self, value: Value) -> int:
        """The step of a value that must be a vector; a map that was viewed as one is flattened here."""
        shape = self.shape(value)
        if value.layout != "first" or value.dims != (shape.elements,):
            raise Unsupported(
                f"works on values that were rearranged to {by(value.dims)}", "give the layer a vector (n)"
            )
        return value.step if shape.flat else self.emit(Flatten(), [value.step]).step

    def shape(self, value: Value) -> Shape:
        """The shape of the step behind a value.  Raises Unsupported after a softmax and for a foreign tensor."""
        if not isinstance(value, Value):
            raise Unsupported("works on a tensor that is not computed from the image")
        if value.ending:
            raise Unsupported(
                f"works on the result of {value.ending}", f"only the end of a network may be {value.ending}"
            )
        return self.flow.shape(value.step)

    def emit(self, op: Op, inputs: Sequence[int], **weights: Tensor | None) -> Value:
        """Append a step; returns its value. Raises Unsupported if the op does not accept its operands."""
        return self._append(op, inputs, weights, {})

    def emit_constants(self, op: Op, value: Value, constants: Mapping[str, Tensor]) -> Value:
        """The same for an op with constants that the module stores in tensors."""
        return self._append(op, [value.step], {}, constants)

    def _append(
        self, op: Op, inputs: Sequence[int], weights: Mapping[str, Tensor | None], constants: Mapping[str, Tensor]
    ) -> Value:
        key = (op, tuple(inputs))
        if isinstance(op, _PURE) and key in self._known:
            step = self.flow.steps[self._known[key]]
            return Value(step.id, step.shape.dims)
        try:
            shape = op.shape(tuple(map(self.flow.shape, inputs)))
        except OpError as error:
            raise Unsupported(error.message, error.hint) from None
        kept = {name: tensor for name, tensor in weights.items() if tensor is not None}
        id = len(self.flow.steps) + 1
        self._note_weights(op, kept)
        layer = tuple(map(address, kept.values()))  # unique while the flow holds them
        step = Step(id, op, tuple(inputs), shape, kept, layer, self.path, self.place, constants)
        self._check_sharing(step)
        self.flow.steps[id] = step
        self._known[key] = id
        return Value(id, shape.dims)

    def pointwise(self, op: Op, value: Value, **weights: Tensor | None) -> Value:
        """Append an elementwise op, which does not change the layout."""
        self.shape(value)  # nothing may follow a softmax
        return replace(value, step=self.emit(op, [value.step], **weights).step)

    def concat(self, inputs: Sequence[int]) -> Value:
        """Append a concatenation, reusing an earlier one of the same values if possible.

        So the growing lists of a DenseNet become a chain of concatenations of two values."""
        parts = [part for value in inputs for part in self._parts(value)]
        for length in range(len(parts) - 1, 1, -1):
            if (start := self._known.get(tuple(parts[:length]))) is not None:
                return self._concat([start, *parts[length:]], parts)
            if (end := self._known.get(tuple(parts[-length:]))) is not None:
                return self._concat([*parts[:-length], end], parts)
        return self._concat(inputs, parts)

    def _concat(self, inputs: Sequence[int], parts: list[int]) -> Value:
        known = self._known.get(tuple(parts))
        if known is not None:
            return Value(known, self.flow.shape(known).dims)
        value = self.emit(Concat(), inputs)
        self._known[tuple(parts)] = value.step
        return value

    def _parts(self, value: int) -> tuple[int, ...]:
        """The values of a concatenation; for any other value itself."""
        step = self.flow.steps.get(value)
        if step is None or not isinstance(step.op, Concat):
            return (value,)
        return tuple(part for operand in step.inputs for part in self._parts(operand))

    def forget(self, step: Step) -> None:
        """Forget a step: another one will replace it, with the weights in another form."""
        for where in step.layer:
            self._layers.pop(where, None)

    def _note_weights(self, op: Op, weights: Mapping[str, Tensor]) -> None:
        """Record which weights are not parameters of the module, although they are in the file."""
        for name, tensor in weights.items():
            if name.startswith("running") or address(tensor) in self.learnt:
                continue
            self.made[address(tensor)] = sources = self.sources(tensor)
            if sources:
                whose = self.path or "the network"
                text = f"{whose} computes its weights while it runs: the file has ordinary weights instead"
            else:
                how = "frozen" if getattr(op, "frozen", False) else "which learn"
                place = f"{self.place.file}:{self.place.line}"
                text = f"{place}: weights that are not parameters of the module: they are parameters in the file, {how}"
            self.note(text, in_file=True)

    def _check_sharing(self, step: Step) -> None:
        """A layer that runs again must be identical: sharing only some weights cannot be written."""
        for where in step.layer:
            first = self._layers.setdefault(where, step)
            if (first.layer, first.op) != (step.layer, step.op):
                message = (
                    f"takes only a part of the layer {first.path} at {first.place.file}:{first.place.line} once more"
                )
                raise Unsupported(message, "share whole layers: the same weights with the same settings")


def address(tensor: Tensor) -> int:
    """The address of a tensor's first number; equal for a parameter and views that start with it."""
    return tensor.data_ptr()


def by(dims: tuple[int, ...]) -> str:
    return "x".join(map(str, dims)) or "a number"
