"""Which kernels of TensorFlow Lite for Microcontrollers an op runs on, quantised to int8, or why there is none.

Source: the kernels that tensorflow/tflite-micro registers in tensorflow/lite/micro/micro_mutable_op_resolver.h
(its list of supported operators: issue 2119 there), read as of 2024 to 2026. What is missing: GELU (issue 3218
there); SELU, softplus and mish, which are no operators of TensorFlow Lite; EXP and LOG run in float32 only
(kernels/exp.cc, kernels/elementwise.cc); norms other than batch norm (tensorflow/tensorflow issue 60532).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from archbuilder.ir import ops
from archbuilder.ir.graph import Node
from archbuilder.ir.op import Op
from archbuilder.remedy import Change, Hint
from archbuilder.rules.packs.network import Network

Kernels = tuple[str, ...]


class Lacking(Exception):
    """There is no kernel; `hint` says what to use instead."""

    def __init__(self, reason: str, hint: Hint) -> None:
        super().__init__(reason)
        self.hint = hint


def _field(name: str, value: str, node: Node, say: str = "{}") -> Change:
    """The remedy that gives a field another value; a block of that name has its own field for it."""
    return Change({"kind" if node.block == name else name: value}, say=say)


ACTIVATIONS: dict[str, Kernels] = {
    "elu": ("ELU",),
    "hardsigmoid": ("ADD", "RELU6", "MUL"),
    "hardswish": ("HARD_SWISH",),
    "leaky_relu": ("LEAKY_RELU",),
    "prelu": ("PRELU",),
    "relu": ("RELU",),
    "relu6": ("RELU6",),
    "sigmoid": ("LOGISTIC",),
    "silu": ("LOGISTIC", "MUL"),
    "tanh": ("TANH",),
}
NO_ACTIVATION = {
    "gelu": "there is no kernel for GELU",
    "gelu_tanh": "there is no kernel for GELU",
    "mish": "EXP and LOG run in float32 only",
    "selu": "TensorFlow Lite has no operator for it",
    "softplus": "EXP and LOG run in float32 only",
    "tanhexp": "EXP runs in float32 only",
}


def _activation(op: ops.Activation, net: Network, node: Node) -> Kernels:
    if op.kind in NO_ACTIVATION:
        instead = _field("activation", "hardswish", node, say="{}, relu6 or silu")
        raise Lacking(NO_ACTIVATION[op.kind], instead)
    return ACTIVATIONS[op.kind]


def _adaptive(op: ops.AdaptivePool, net: Network, node: Node) -> Kernels:
    x = net.graph.inputs(node)[0]
    if op.size == (1, 1):
        return ("REDUCE_MAX",) if op.maximum else ("MEAN",)
    if x.h % op.size[0] or x.w % op.size[1]:
        raise Lacking("a pool's window is the same everywhere", f"a size that divides {x.h}x{x.w}")
    return ("MAX_POOL_2D",) if op.maximum else ("AVERAGE_POOL_2D",)


def _batch_norm(op: ops.BatchNorm2d, net: Network, node: Node) -> Kernels:
    before = net.graph.nodes.get(node.inputs[0])
    alone = len(net.facts.readers[node.inputs[0]]) == 1
    folds = before is not None and isinstance(before.op, (ops.Conv2d, ops.Linear)) and alone
    return () if folds else ("MUL", "ADD")


def _conv(op: ops.Conv2d, net: Network, node: Node) -> Kernels:
    x = net.graph.inputs(node)[0]
    kernel = "DEPTHWISE_CONV_2D" if net.is_depthwise(node) else "CONV_2D"
    if op.padding == (0, 0):
        return (kernel,)
    if op.padding_mode != "zeros":
        return (*_pad(op.padding_mode, node), kernel)
    same = op.stride == (1, 1) and (node.shape.h, node.shape.w) == (x.h, x.w)
    return (kernel,) if same else ("PAD", kernel)  # its own padding is SAME or VALID, which a stride changes


def _pad(mode: str, node: Node) -> Kernels:
    if mode in ("zeros", "reflect"):
        return ("PAD",) if mode == "zeros" else ("MIRROR_PAD",)
    raise Lacking(f"there is no kernel for {mode} padding", _field("padding_mode", "zeros", node))


def _avg_pool(op: ops.AvgPool2d, net: Network, node: Node) -> Kernels:
    x = net.graph.inputs(node)[0]
    same = op.stride == (1, 1) and (node.shape.h, node.shape.w) == (x.h, x.w)
    if op.padding != (0, 0) and not op.count_include_pad:
        if not same:
            raise Lacking("AVERAGE_POOL_2D pads only to keep the size", _field("count_include_pad", "true", node))
        return ("AVERAGE_POOL_2D",)  # its own padding, SAME, does not count either
    if node.shape != replace(op, ceil_mode=False).shape((x,)):
        raise Lacking("the last window of AVERAGE_POOL_2D ends with the map", _field("ceil_mode", "false", node))
    return ("PAD",) * (op.padding != (0, 0)) + ("AVERAGE_POOL_2D",)


def _max_pool(op: ops.MaxPool2d, net: Network, node: Node) -> Kernels:
    if op.dilation != (1, 1):
        raise Lacking("MAX_POOL_2D has no dilation", _field("dilation", "1", node))
    hangs_over = node.shape != replace(op, ceil_mode=False).shape(net.graph.inputs(node))
    return ("PADV2", "MAX_POOL_2D") if op.padding != (0, 0) or hangs_over else ("MAX_POOL_2D",)


def _no_norm(op: Op, net: Network, node: Node) -> Kernels:
    reason = "there is no kernel for it, and in int8 no good way to write it with others"
    raise Lacking(reason, _field("norm", "batch", node))


KERNELS: dict[type[Op], Kernels | Callable[[Any, Network, Node], Kernels]] = {
    ops.Activation: _activation,
    ops.AdaptivePool: _adaptive,
    ops.Add: ("ADD",),
    ops.AvgPool2d: _avg_pool,
    ops.BatchNorm2d: _batch_norm,
    ops.ChannelNorm: _no_norm,
    ops.ChannelPad: ("PAD",),
    ops.ChannelScale: ("MUL",),
    ops.ChannelShuffle: ("RESHAPE", "TRANSPOSE"),
    ops.ChannelSlice: ("STRIDED_SLICE",),
    ops.Concat: ("CONCATENATION",),
    ops.Conv2d: _conv,
    ops.Dropout: (),
    ops.Flatten: ("RESHAPE",),
    ops.Gate: ("MUL",),
    ops.GroupNorm: _no_norm,
    ops.InstanceNorm2d: _no_norm,
    ops.Linear: ("FULLY_CONNECTED",),
    ops.MaxPool2d: _max_pool,
    ops.Multiply: ("MUL",),
    ops.Pad2d: lambda op, net, node: _pad(op.mode, node),
    ops.Rescale: lambda op, net, node: ("MUL",) * (op.scale != 1) + ("ADD",) * (op.offset != 0),
    ops.Upsample: lambda op, net, node: ("RESIZE_BILINEAR",) if op.bilinear else ("RESIZE_NEAREST_NEIGHBOR",),
}


def kernels(net: Network, node: Node) -> Kernels:
    """The kernels that a layer runs on; none where it costs nothing (dropout, a folded norm).  Raises Lacking."""
    known = KERNELS.get(type(node.op))
    if known is None:  # an op of the user's own
        raise Lacking("nothing is known of it", "write it with other layers")
    return known if isinstance(known, tuple) else known(node.op, net, node)
