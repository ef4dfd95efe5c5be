"""Norms, activations and dropouts as values of YAML fields."""

from __future__ import annotations

from typing import Any

from archbuilder.importers.units import Unit
from archbuilder.ir import ops
from archbuilder.ir.op import Op


def norm_values(op: Op, channels: int) -> list[Any]:
    """The ways to write a norm over so many channels, the shortest first."""
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
