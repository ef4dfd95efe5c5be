"""Sequences of ops -> convolution units: a conv with its norm, activation and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from archbuilder.blocks.activation import Kind as ActivationKind
from archbuilder.importers.flow import Flow, Step
from archbuilder.ir import ops
from archbuilder.ir.op import Op

MAX_STEPS = 8  # largest number of steps in an `order`

Sides = tuple[int, int, int, int]  # top, bottom, left, right
ACTIVATIONS = frozenset(get_args(ActivationKind)) - {"none"}
_KINDS = {
    ops.Conv2d: "conv",
    ops.BatchNorm2d: "norm",
    ops.GroupNorm: "norm",
    ops.InstanceNorm2d: "norm",
    ops.ChannelNorm: "norm",
    ops.Activation: "act",
    ops.Dropout: "dropout",
}


@dataclass(frozen=True, eq=False)
class Unit:
    """One conv in the form of a block. All its layers of one kind are equal."""

    steps: tuple[Step, ...]
    conv: ops.Conv2d
    channels: int  # input channels of the conv
    order: tuple[str, ...]  # norm, act, dropout around conv
    sides: Sides
    mode: str  # padding mode
    layers: dict[str, Op]  # norm, act, dropout
    norm_channels: tuple[int, ...]  # input channels of each of its norms

    @property
    def bare(self) -> bool:
        return self.order == ("conv",)

    @property
    def depthwise(self) -> bool:
        return self.conv.groups == self.channels > 1


def kind(step: Step) -> str:
    """conv, norm, act or dropout; empty for every other op."""
    if isinstance(step.op, ops.Activation) and step.op.kind not in ACTIVATIONS:
        return ""  # only a part of a handwritten activation
    return _KINDS.get(type(step.op), "")


def unit(steps: Sequence[Step], flow: Flow) -> Unit | None:
    """The unit of these consecutive steps, or None."""
    convs = [number for number, step in enumerate(steps) if kind(step) == "conv"]
    if len(convs) != 1:
        return None
    at = convs[0]
    before = steps[at - 1].op if at else None
    pad = before if isinstance(before, ops.Pad2d) else None
    rest = [step for step in steps if step.op is not pad]
    if len(rest) > MAX_STEPS:
        return None
    layers: dict[str, Op] = {}
    for step in rest:
        name = kind(step)
        if not name or (name != "conv" and layers.setdefault(name, step.op) != step.op):
            return None
    conv = steps[at].op
    assert isinstance(conv, ops.Conv2d)
    norms = tuple(step.shape.c for step in rest if kind(step) == "norm")
    top, left = conv.padding
    sides = (pad.top, pad.bottom, pad.left, pad.right) if pad else (top, top, left, left)
    channels = flow.shape(steps[at].inputs[0]).c
    mode = pad.mode if pad else conv.padding_mode
    return Unit(tuple(steps), conv, channels, tuple(map(kind, rest)), sides, mode, layers, norms)
