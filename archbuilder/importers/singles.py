"""Ops that are no convolution -> the blocks that stand for one of them."""

from __future__ import annotations

from typing import Any

from archbuilder.importers.block import Block
from archbuilder.importers.flow import Step
from archbuilder.importers.units import ACTIVATIONS
from archbuilder.importers.values import activation_value, dropout_value, norm_values, number, size
from archbuilder.importers.wording import Style
from archbuilder.ir import ops
from archbuilder.ir.op import Op


def single_block(step: Step, style: Style) -> Block | None:
    """The block of one op that is no conv; None where the language has none for it alone."""
    words = _single(step.op, style, step.shape.c)
    return Block(words[0], words[1], [step]) if words else None


def _single(op: Op, style: Style, channels: int) -> tuple[str, dict[str, Any]] | None:
    match op:
        case ops.BatchNorm2d() | ops.GroupNorm() | ops.ChannelNorm() | ops.InstanceNorm2d():
            return "norm", _long(norm_values(op, channels)[0], "kind")
        case ops.Activation() if op.kind in ACTIVATIONS:
            return "activation", _long(activation_value(op), "kind")
        case ops.Dropout():
            return "dropout", _long(dropout_value(op), "p")
        case ops.Flatten():
            return "flatten", {}
        case ops.Linear():
            return "linear", {"out": op.out} | bias_field(op.bias, style)
        case ops.ChannelShuffle():
            return "channel_shuffle", {"groups": op.groups}
        case ops.ChannelScale():
            return "scale", {} if op.init == 1 else {"init": op.init}
        case ops.Rescale():
            constants = (("scale", op.scale, 1), ("offset", op.offset, 0))
            return "rescale", {name: number(value) for name, value, usual in constants if value != usual}
        case ops.ChannelPad():
            return "pad", {"channels": size((op.before, op.after))}
        case ops.Pad2d():
            sides: Any = [op.top, op.bottom, op.left, op.right]
            sides = sides[0] if len(set(sides)) == 1 else sides
            return "pad", {"padding": sides} | ({} if op.mode == "zeros" else {"padding_mode": op.mode})
        case ops.Upsample():
            return "upsample", {"factor": size(op.factor)} | ({"mode": "bilinear"} if op.bilinear else {})
    return _pool(op)


def _pool(op: Op) -> tuple[str, dict[str, Any]] | None:
    if isinstance(op, ops.AdaptivePool):
        if op == ops.AdaptivePool():
            return "gap", {}
        return f"adaptive_{'max' if op.maximum else 'avg'}_pool", {"size": size(op.size)}
    if not isinstance(op, (ops.AvgPool2d, ops.MaxPool2d)):
        return None
    own: dict[str, Any] = {"kernel": size(op.kernel)}
    if op.stride != op.kernel:
        own["stride"] = size(op.stride)
    if op.padding != (0, 0):
        own["padding"] = size(op.padding)
    if op.dilation != (1, 1):
        own["dilation"] = size(op.dilation)
    if op.ceil_mode:
        own["ceil_mode"] = True
    if isinstance(op, ops.AvgPool2d) and not op.count_include_pad:
        own["count_include_pad"] = False
    return "avg_pool" if isinstance(op, ops.AvgPool2d) else "max_pool", own


def bias_field(bias: bool, style: Style) -> dict[str, Any]:
    """The bias of a linear layer or classifier, which have one unless they are told otherwise."""
    return {} if bias == (style.bias is not False) else {"bias": bias}


def _long(value: Any, positional: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else {positional: value}
