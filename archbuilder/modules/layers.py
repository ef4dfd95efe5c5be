"""The torch class and keywords of each op, stated once: building creates the layer, exporting prints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from archbuilder.ir import ops
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shapes


@dataclass(frozen=True)
class Layer:
    """A torch class by its name in torch.nn (or in modules.own_layers), and its keywords."""

    name: str
    keywords: dict[str, Any]


Rule = Callable[[Any, Shapes], Layer]
_rules: dict[type[Op], Rule] = {}
R = TypeVar("R", bound=Rule)


def rule(op: type[Op]) -> Callable[[R], R]:
    """Declares how an op becomes a layer.  Raises ValueError if the op has a rule already."""

    def keep(function: R) -> R:
        if op in _rules:
            raise ValueError(f"{op.__name__} has two rules")
        _rules[op] = function
        return function

    return keep


def layer(op: Op, inputs: Shapes) -> Layer:
    """The layer of an op over inputs of these shapes."""
    return _rules[type(op)](op, inputs)


def has_rule(op: type[Op]) -> bool:
    return op in _rules


@rule(ops.Conv2d)
def _conv(op: ops.Conv2d, inputs: Shapes) -> Layer:
    keywords: dict[str, Any] = {"in_channels": inputs[0].c, "out_channels": op.out, "kernel_size": op.kernel}
    keywords |= {"stride": op.stride, "padding": op.padding, "dilation": op.dilation}
    keywords |= {"groups": op.groups, "bias": op.bias}
    return Layer("Conv2d", keywords if op.padding_mode == "zeros" else keywords | {"padding_mode": op.padding_mode})


@rule(ops.BatchNorm2d)
def _batch_norm(op: ops.BatchNorm2d, inputs: Shapes) -> Layer:
    keywords = {"num_features": inputs[0].c, "eps": op.eps, "momentum": op.momentum, "affine": op.affine}
    return Layer("BatchNorm1d" if inputs[0].flat else "BatchNorm2d", keywords)


@rule(ops.GroupNorm)
def _group_norm(op: ops.GroupNorm, inputs: Shapes) -> Layer:
    keywords = {"num_groups": op.groups, "num_channels": inputs[0].c, "eps": op.eps, "affine": op.affine}
    return Layer("GroupNorm", keywords)


@rule(ops.InstanceNorm2d)
def _instance_norm(op: ops.InstanceNorm2d, inputs: Shapes) -> Layer:
    return Layer("InstanceNorm2d", {"num_features": inputs[0].c, "eps": op.eps, "affine": op.affine})


_ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "LeakyReLU",
    "prelu": "PReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "gelu_tanh": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "tanhexp": "TanhExp",
}


@rule(ops.Activation)
def _activation(op: ops.Activation, inputs: Shapes) -> Layer:
    keywords: dict[str, Any] = {"negative_slope": op.slope} if op.kind == "leaky_relu" else {}
    keywords |= {"approximate": "tanh"} if op.kind == "gelu_tanh" else {}
    keywords |= {"num_parameters": inputs[0].c} if op.channels else {}
    return Layer(_ACTIVATIONS[op.kind], keywords)


@rule(ops.Dropout)
def _dropout(op: ops.Dropout, inputs: Shapes) -> Layer:
    return Layer("Dropout2d" if op.channels else "Dropout", {"p": op.p})


@rule(ops.Pad2d)
def _pad(op: ops.Pad2d, inputs: Shapes) -> Layer:
    name = {
        "zeros": "ZeroPad2d",
        "reflect": "ReflectionPad2d",
        "replicate": "ReplicationPad2d",
        "circular": "CircularPad2d",
    }
    return Layer(name[op.mode], {"padding": (op.left, op.right, op.top, op.bottom)})  # torch counts from the last axis


@rule(ops.ChannelPad)
def _channel_pad(op: ops.ChannelPad, inputs: Shapes) -> Layer:
    return Layer("ZeroPad3d", {"padding": (0, 0, 0, 0, op.before, op.after)})  # the third axis from the end


@rule(ops.AvgPool2d)
def _avg_pool(op: ops.AvgPool2d, inputs: Shapes) -> Layer:
    keywords: dict[str, Any] = {"kernel_size": op.kernel, "stride": op.stride, "padding": op.padding}
    keywords |= {"ceil_mode": op.ceil_mode, "count_include_pad": op.count_include_pad}
    return Layer("AvgPool2d", keywords)


@rule(ops.MaxPool2d)
def _max_pool(op: ops.MaxPool2d, inputs: Shapes) -> Layer:
    keywords = {"kernel_size": op.kernel, "stride": op.stride, "padding": op.padding, "dilation": op.dilation}
    return Layer("MaxPool2d", keywords | {"ceil_mode": op.ceil_mode})


@rule(ops.AdaptivePool)
def _adaptive_pool(op: ops.AdaptivePool, inputs: Shapes) -> Layer:
    size = op.size[0] if op.size[0] == op.size[1] else op.size
    return Layer("AdaptiveMaxPool2d" if op.maximum else "AdaptiveAvgPool2d", {"output_size": size})


@rule(ops.Upsample)
def _upsample(op: ops.Upsample, inputs: Shapes) -> Layer:
    factor = tuple(map(float, op.factor))
    return Layer("Upsample", {"scale_factor": factor, "mode": "bilinear" if op.bilinear else "nearest"})


@rule(ops.ChannelShuffle)
def _channel_shuffle(op: ops.ChannelShuffle, inputs: Shapes) -> Layer:
    return Layer("ChannelShuffle", {"groups": op.groups})


@rule(ops.ChannelSlice)
def _channel_slice(op: ops.ChannelSlice, inputs: Shapes) -> Layer:
    keywords: dict[str, Any] = {"part": op.part, "parts": op.parts}
    return Layer("ChannelSlice", keywords | ({"sizes": op.sizes} if op.sizes else {}))


@rule(ops.ChannelScale)
def _channel_scale(op: ops.ChannelScale, inputs: Shapes) -> Layer:
    return Layer("ChannelScale", {"channels": inputs[0].c, "init": op.init})


class PerChannel(tuple[float, ...]):
    """One number per channel; never shortened to one number when printed, unlike sizes per axis."""


@rule(ops.Rescale)
def _rescale(op: ops.Rescale, inputs: Shapes) -> Layer:
    constants = {"scale": op.scale, "offset": op.offset}
    return Layer("Rescale", {k: PerChannel(v) if isinstance(v, tuple) else v for k, v in constants.items()})


@rule(ops.ChannelNorm)
def _channel_norm(op: ops.ChannelNorm, inputs: Shapes) -> Layer:
    return Layer("ChannelNorm", {"channels": inputs[0].c, "eps": op.eps, "affine": op.affine})


@rule(ops.Gate)
def _gate(op: ops.Gate, inputs: Shapes) -> Layer:
    return Layer("Multiply", {})


@rule(ops.Flatten)
def _flatten(op: ops.Flatten, inputs: Shapes) -> Layer:
    return Layer("Flatten", {})


@rule(ops.Linear)
def _linear(op: ops.Linear, inputs: Shapes) -> Layer:
    return Layer("Linear", {"in_features": inputs[0].c, "out_features": op.out, "bias": op.bias})


@rule(ops.Add)
def _add(op: ops.Add, inputs: Shapes) -> Layer:
    return Layer("Add", {})


@rule(ops.Multiply)
def _multiply(op: ops.Multiply, inputs: Shapes) -> Layer:
    return Layer("Multiply", {})


@rule(ops.Concat)
def _concat(op: ops.Concat, inputs: Shapes) -> Layer:
    return Layer("Concat", {})
