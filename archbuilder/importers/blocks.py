"""Recorded ops -> blocks in their shortest form, given the file's `defaults:`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from archbuilder.importers.flow import Step
from archbuilder.importers.units import ACTIVATIONS, Sides, Unit
from archbuilder.importers.yaml_text import Block, inline
from archbuilder.ir import ops
from archbuilder.ir.op import Op


def norm_values(op: Op, channels: int) -> list[Any]:
    """The ways to write a norm over this number of channels, the shortest first."""
    kinds: list[dict[str, Any]] = [{"kind": "batch"}]
    usual = not isinstance(op, ops.InstanceNorm2d)
    if isinstance(op, ops.GroupNorm):
        largest = max(n for n in range(1, 9) if channels % n == 0)
        kinds = [{"kind": "group", "groups": op.groups}]
        kinds = [{"kind": "group"}] * (op.groups == largest) + kinds
        kinds = [{"kind": "layer"}] * (op.groups == 1) + kinds
    elif isinstance(op, ops.ChannelNorm):
        kinds = [{"kind": "layer", "over": "channels"}]
    elif isinstance(op, ops.InstanceNorm2d):
        kinds = [{"kind": "instance"}]
    more: dict[str, Any] = {}
    for key, default in (("eps", 1e-5), ("momentum", 0.1), ("affine", usual)):
        if getattr(op, key, default) != default:
            more[key] = getattr(op, key)
    return [_short({**words, **more}, "kind") for words in kinds]


def activation_value(op: ops.Activation) -> Any:
    leaky = op.kind == "leaky_relu" and op.slope != 0.01
    if op.channels:
        return {"kind": op.kind, "channels": True}
    return {"kind": op.kind, "slope": op.slope} if leaky else op.kind


def dropout_value(op: ops.Dropout) -> Any:
    p = number(op.p)
    return {"p": p, "channels": True} if op.channels else p


def number(value: float | tuple[float, ...]) -> Any:
    """2 for 2.0, and so in a list."""
    if isinstance(value, tuple):
        return [number(each) for each in value]
    return int(value) if value == int(value) else value


def _short(words: dict[str, Any], positional: str) -> Any:
    return words[positional] if set(words) == {positional} else words


def layer_values(unit: Unit, step: str) -> list[Any]:
    """The ways to write the unit's norm, act or dropout."""
    op = unit.layers[step]
    if isinstance(op, ops.Activation):
        return [activation_value(op)]
    if isinstance(op, ops.Dropout):
        return [dropout_value(op)]
    first, *others = (norm_values(op, channels) for channels in unit.norm_channels)
    return [value for value in first if all(value in other for other in others)]


def size(pair: tuple[int, int]) -> Any:
    """One number, or [height, width]."""
    return pair[0] if pair[0] == pair[1] else list(pair)


@dataclass(frozen=True)
class Style:
    """The values of a file's `defaults:` section; initially those of the language."""

    norm: Any = "batch"
    activation: Any = "relu"
    order: str = "conv-norm-act-dropout"
    dropout: Any = 0
    padding: Any = "same"
    bias: Any = "auto"

    def section(self) -> dict[str, Any]:
        """The fields that the `defaults:` section needs."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


_FIELD = {"norm": "norm", "act": "activation", "dropout": "dropout"}
_OFF = {"norm": "none", "act": "none", "dropout": 0}


def conv_block(unit: Unit, style: Style) -> Block:
    """The unit as a block of the conv family."""
    conv = unit.conv
    word, own = _preset(unit)
    kernel, stride, dilation = _USUAL.get(word, (3, 1, 1))
    for key, value, usual in (
        ("kernel", conv.kernel, kernel),
        ("stride", conv.stride, stride),
        ("dilation", conv.dilation, dilation),
    ):
        if value != (usual, usual):
            own[key] = size(value)
    return Block(word, own | _common(unit, style), list(unit.steps))


_USUAL = {"pointwise": (1, 1, 1), "strided": (3, 2, 1), "dilated": (3, 1, 2)}  # kernel, stride, dilation


def _preset(unit: Unit) -> tuple[str, dict[str, Any]]:
    """The most specific member of the conv family, and the fields that only it needs."""
    conv = unit.conv
    if unit.depthwise:
        multiplier = conv.out // unit.channels
        return "depthwise", {"multiplier": multiplier} if multiplier > 1 else {}
    if conv.groups > 1:
        return "grouped", {"out": conv.out, "groups": conv.groups}
    if conv.kernel == (1, 1):
        return "pointwise", {"out": conv.out}
    word = "strided" if conv.stride != (1, 1) else "dilated" if conv.dilation != (1, 1) else "conv"
    return word, {"out": conv.out}


def separable_block(depthwise: Unit, pointwise: Unit, style: Style) -> Block | None:
    """Two units as one depthwise separable convolution, or None."""
    plain = ops.Conv2d(pointwise.conv.out, (1, 1), bias=pointwise.conv.bias, frozen=depthwise.conv.frozen)
    layers = depthwise.layers | pointwise.layers
    padded = len(pointwise.order) < len(pointwise.steps)
    if padded or pointwise.conv != plain or not depthwise.depthwise or depthwise.conv.kernel == (1, 1):
        return None
    # both halves have a layer of the same kind, with different settings
    if layers != pointwise.layers | depthwise.layers:
        return None
    # layers before the conv belong to another block
    if depthwise.order != pointwise.order and depthwise.order[0] != "conv":
        return None
    bias = _bias_of_both(depthwise, pointwise, style)
    if bias is None:
        return None
    steps, norms = depthwise.steps + pointwise.steps, depthwise.norm_channels + pointwise.norm_channels
    both = replace(depthwise, steps=steps, order=pointwise.order, layers=layers, norm_channels=norms)
    block = conv_block(both, style)
    fields = {"out": pointwise.conv.out, **block.fields}
    fields.pop("bias", None)
    fields |= {"bias": bias} if bias != style.bias else {}
    fields |= {"depthwise_order": "-".join(depthwise.order)} if depthwise.order != pointwise.order else {}
    return Block("depthwise_separable", fields, block.steps)


def _bias_of_both(depthwise: Unit, pointwise: Unit, style: Style) -> Any:
    """The value of `bias` that fits both halves of a separable convolution, preferably the default; None if there is
    none."""
    first, second = _after_conv(depthwise), _after_conv(pointwise)
    between = (*first, *pointwise.order[: pointwise.order.index("conv")])
    normed = "norm" in first or ("act" not in between and "norm" in second)
    auto = (not normed, "norm" not in second)
    both = depthwise.conv.bias, pointwise.conv.bias
    for value, gives in ((style.bias, None), ("auto", auto), (True, (True, True)), (False, (False, False))):
        if both == (gives or (auto if value == "auto" else (value, value))):
            return value
    return None


def _after_conv(unit: Unit) -> tuple[str, ...]:
    return unit.order[unit.order.index("conv") :]


def _common(unit: Unit, style: Style) -> dict[str, Any]:
    """The fields common to the conv family: padding, bias, norm, activation, dropout, order."""
    own: dict[str, Any] = {}
    if sides_of(style.padding, unit.conv) != unit.sides:
        own["padding"] = _padding(unit.sides, unit.conv)
    if unit.mode != "zeros":
        own["padding_mode"] = unit.mode
    normed = "norm" in _after_conv(unit)
    if unit.conv.bias != (not normed if style.bias == "auto" else style.bias):
        own["bias"] = unit.conv.bias
    own |= min(_orders(unit, style), key=lambda words: len(inline(words)))
    own |= {"frozen": True} if unit.conv.frozen else {}
    return {key: own[key] for key in _SEQUENCE if key in own}


_SEQUENCE = ("padding", "padding_mode", "bias", "norm", "activation", "dropout", "order", "frozen")


def _orders(unit: Unit, style: Style) -> Iterator[dict[str, Any]]:
    """The ways to write norm, activation and dropout: the default order with steps switched off, or an explicit
    order."""
    usual = style.order.split("-")
    here = _layers(unit, style)
    if unit.order == tuple(step for step in usual if step in unit.order):
        absent = [step for step in dict.fromkeys(usual) if step not in unit.order]
        off = {_FIELD[step]: _OFF[step] for step in absent if getattr(style, _FIELD[step]) != _OFF[step]}
        if not unit.layers.keys() & set(absent):  # otherwise the other half of a separable conv has it
            yield here | off
    yield here | {"order": "-".join(unit.order)}


def _layers(unit: Unit, style: Style) -> dict[str, Any]:
    own = {}
    for step in ("norm", "act", "dropout"):
        if step in unit.layers:
            values = layer_values(unit, step)
            if getattr(style, _FIELD[step]) not in values:
                own[_FIELD[step]] = values[0]
    return own


def sides_of(padding: Any, conv: ops.Conv2d) -> Sides:
    """The padding of a conv for a default value, as top, bottom, left, right."""
    if padding == "same":
        height, width = (d * (k - 1) for d, k in zip(conv.dilation, conv.kernel, strict=True))
        return (height // 2, height - height // 2, width // 2, width - width // 2)
    return (0, 0, 0, 0) if padding == "valid" else (padding,) * 4


def _padding(sides: Sides, conv: ops.Conv2d) -> Any:
    for word in ("same", "valid"):
        if sides == sides_of(word, conv):
            return word
    top, bottom, left, right = sides
    return size((top, left)) if (top, left) == (bottom, right) else list(sides)


def single_block(step: Step, style: Style) -> Block | None:
    """The block of one op that is not a conv; None if the language has no block for it alone."""
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
    """The bias field of a linear layer or classifier, which have a bias by default."""
    return {} if bias == (style.bias is not False) else {"bias": bias}


def _long(value: Any, positional: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else {positional: value}
