"""The kernels of TensorFlow Lite for Microcontrollers for each op, or the reason why there is none.

Source: the kernels that tensorflow/tflite-micro registers in tensorflow/lite/micro/micro_mutable_op_resolver.h
(its list of supported operators: issue 2119 there), read as of 2024 to 2026. What is missing: GELU (issue 3218
there); SELU, softplus and mish, which are no operators of TensorFlow Lite; EXP and LOG run in float32 only
(kernels/exp.cc, kernels/elementwise.cc); norms other than batch norm (tensorflow/tensorflow issue 60532).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archbuilder.device.lowering import Lowering, Rule, Sides, dims_of, field
from archbuilder.device.program import FUSES, INT8, LOWEST, WEIGHTED, Lacking, Operator, Program, Weights
from archbuilder.ir import ops
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.op import Op

# activations as sequences of kernels; hardsigmoid and silu have their own functions
ACTIVATIONS = {
    "elu": "ELU",
    "hardsigmoid": "",
    "hardswish": "HARD_SWISH",
    "leaky_relu": "LEAKY_RELU",
    "prelu": "PRELU",
    "relu": "RELU",
    "relu6": "RELU6",
    "sigmoid": "LOGISTIC",
    "silu": "",
    "tanh": "TANH",
}
NO_ACTIVATION = {
    "gelu": "there is no kernel for GELU",
    "gelu_tanh": "there is no kernel for GELU",
    "mish": "EXP and LOG run in float32 only",
    "selu": "TensorFlow Lite has no operator for it",
    "softplus": "EXP and LOG run in float32 only",
    "tanhexp": "EXP runs in float32 only",
}


# ---- windows ----


def _fits(n: int, out: int, span: int, stride: int, before: int) -> bool:
    """Whether the kernel's padding SAME equals this padding: `before` pixels before, and as few as possible after."""
    needed = max((out - 1) * stride + span - n, 0)
    return out == -(-n // stride) and needed // 2 == before


def _window(
    made: Lowering,
    node: Node,
    x: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    sides: Sides,
    mode: str,
    own: bool = True,
) -> tuple[str, str]:
    """The input tensor and the padding of a kernel with this window: SAME, or VALID after an explicit pad.

    sides: pixels before and after on each axis; after, no more than the last window needs.
    own:   whether SAME has the wanted meaning."""
    _, h, w, _ = made.tensors[x].shape
    out, spans = (node.shape.h, node.shape.w), [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    axes = list(zip((h, w), out, spans, stride, sides[::2], strict=True))
    needed = [max((o - 1) * s + span - n - before, 0) for n, o, span, s, before in axes]
    if not any((*sides[::2], *needed)):
        return x, "VALID"
    if own and mode in ("zeros", LOWEST) and all(_fits(*axis) for axis in axes):
        return x, "SAME"
    return made.padded(x, node, (sides[0], needed[0], sides[2], needed[1]), mode), "VALID"


def _conv(made: Lowering, node: Node, op: ops.Conv2d) -> str:
    (x,), (shape,) = made.inputs(node), made.graph.inputs(node)
    sides = (op.padding[0], op.padding[0], op.padding[1], op.padding[1])
    before = made.producer(node)
    if (
        before is not None
        and before.kernel == "PAD"
        and isinstance(before.node.op, ops.Pad2d)
        and op.padding_mode == "zeros"
    ):
        pad = before.node.op
        sides = (sides[0] + pad.top, sides[1] + pad.bottom, sides[2] + pad.left, sides[3] + pad.right)
        x = made.remove(before)
    x, padding = _window(made, node, x, op.kernel, op.stride, op.dilation, sides, op.padding_mode)
    depthwise = op.groups == shape.c > 1
    each = (1, *op.kernel, op.out) if depthwise else (op.out, *op.kernel, shape.c // op.groups)
    inputs = (x, *_weights(made, node, Weights("filter", node), each, op.out))
    options: dict[str, Any] = {"stride": op.stride, "dilation": op.dilation, "padding": padding}
    options |= {"multiplier": op.out // shape.c} if depthwise else {"groups": op.groups}
    return made.add("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", node, inputs, dims_of(node.shape), **options)


def _weights(made: Lowering, node: Node, filter: Weights, shape: tuple[int, ...], out: int) -> tuple[str, str]:
    """The two constants of a kernel with weights."""
    bias = made.constant(f"{node.name}.bias", (out,), replace(filter, part="bias"))
    return made.constant(f"{node.name}.filter", shape, filter), bias


def _linear(made: Lowering, node: Node, op: ops.Linear) -> str:
    (x,), (shape,) = made.inputs(node), made.graph.inputs(node)
    _, *dims = made.tensors[x].shape
    rows = (dims[2], dims[0], dims[1]) if len(dims) == 3 and dims[0] * dims[1] > 1 else None
    inputs = _weights(made, node, Weights("filter", node, rows=rows), (op.out, shape.c), op.out)
    return made.add("FULLY_CONNECTED", node, (x, *inputs), dims_of(node.shape))


def _flatten(made: Lowering, node: Node, op: ops.Flatten) -> str:
    """A linear layer reads the map in its memory order; for other layers the channels are moved first, as in torch."""
    (x,), (shape,) = made.inputs(node), made.graph.inputs(node)
    readers = made.readers(node.name)
    if shape.flat or (all(reader is not None and isinstance(reader.op, ops.Linear) for reader in readers) and readers):
        return x
    if shape.c > 1 and shape.h * shape.w > 1:
        order = made.constant(f"{node.name}.order", (4,), (0, 3, 1, 2), counts=True)
        x = made.add("TRANSPOSE", node, (x, order), (1, shape.c, shape.h, shape.w), "transpose")
    return _reshaped(made, node, x, dims_of(node.shape))


def _reshaped(made: Lowering, node: Node, x: str, shape: tuple[int, ...], part: str = "") -> str:
    label = f"{node.name}.{part}" if part else node.name
    size = made.constant(f"{label}.shape", (len(shape),), shape, counts=True)
    return made.add("RESHAPE", node, (x, size), shape, part, shape=shape)


def _max_pool(made: Lowering, node: Node, op: ops.MaxPool2d) -> str:
    if op.dilation != (1, 1):
        raise Lacking("MAX_POOL_2D has no dilation", field("dilation", "1", node))
    return _pool(made, node, "MAX_POOL_2D", op.kernel, op.stride, op.padding, LOWEST)


def _avg_pool(made: Lowering, node: Node, op: ops.AvgPool2d) -> str:
    (shape,) = made.graph.inputs(node)
    if node.shape != replace(op, ceil_mode=False).shape((shape,)):
        raise Lacking("the last window of AVERAGE_POOL_2D ends with the map", field("ceil_mode", "false", node))
    counted = op.count_include_pad
    if op.padding != (0, 0) and not counted:  # the kernel's padding SAME does not count padding either
        axes = zip((shape.h, shape.w), (node.shape.h, node.shape.w), op.kernel, op.stride, op.padding, strict=True)
        if not all(_fits(*axis) for axis in axes):
            raise Lacking("AVERAGE_POOL_2D pads only to keep the size", field("count_include_pad", "true", node))
    return _pool(made, node, "AVERAGE_POOL_2D", op.kernel, op.stride, op.padding, "zeros", own=not counted)


def _pool(
    made: Lowering,
    node: Node,
    kernel: str,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    mode: str,
    own: bool = True,
) -> str:
    sides = (padding[0], padding[0], padding[1], padding[1])
    x, own_padding = _window(made, node, made.inputs(node)[0], size, stride, (1, 1), sides, mode, own)
    return made.add(kernel, node, (x,), dims_of(node.shape), kernel=size, stride=stride, padding=own_padding)


def _adaptive(made: Lowering, node: Node, op: ops.AdaptivePool) -> str:
    (x,), (shape,) = made.inputs(node), made.graph.inputs(node)
    if (shape.h, shape.w) == op.size:
        return x
    if op.size == (1, 1):
        axes = made.constant(f"{node.name}.axes", (2,), (1, 2), counts=True)
        return made.add("REDUCE_MAX" if op.maximum else "MEAN", node, (x, axes), dims_of(node.shape))
    if shape.h % op.size[0] or shape.w % op.size[1]:
        raise Lacking("all windows of a pool must have the same size", f"use a size that divides {shape.h}x{shape.w}")
    window = (shape.h // op.size[0], shape.w // op.size[1])
    return _pool(made, node, "MAX_POOL_2D" if op.maximum else "AVERAGE_POOL_2D", window, window, (0, 0), "zeros")


# ---- activations, norms and scales ----


def _activation(made: Lowering, node: Node, op: ops.Activation) -> str:
    if op.kind in NO_ACTIVATION:
        raise Lacking(NO_ACTIVATION[op.kind], field("activation", "hardswish", node, say="{}, relu6 or silu"))
    (x,), shape = made.inputs(node), dims_of(node.shape)
    kernel = ACTIVATIONS[op.kind]
    if op.kind in ("relu", "relu6"):
        before = made.producer(node)
        if before is not None and before.kernel in FUSES and before.activation == "NONE":
            return made.amend(before, node, options={**before.options, "activation": kernel})
    if op.kind == "silu":
        return made.add("MUL", node, (x, made.add("LOGISTIC", node, (x,), shape, "sigmoid")), shape)
    if op.kind == "hardsigmoid":
        three, sixth = (made.constant(f"{node.name}.{value:.0f}", (1,), (value,)) for value in (3.0, 1 / 6))
        x = made.add("ADD", node, (x, three), shape, "shifted", activation="RELU6")
        return made.add("MUL", node, (x, sixth), shape)
    if op.kind == "prelu":
        slopes = (shape[-1],) if op.channels else (1,)
        return made.add(kernel, node, (x, made.constant(f"{node.name}.slope", slopes, Weights("slope", node))), shape)
    options: dict[str, Any] = {"slope": op.slope} if op.kind == "leaky_relu" else {}
    return made.add(kernel, node, (x,), shape, **options)


def _affine(made: Lowering, node: Node, op: Op) -> str:
    """A factor and an offset per channel: folded into the weights before, else a 1x1 depthwise filter."""
    (x,), shape = made.inputs(node), dims_of(node.shape)
    before = made.producer(node)
    if before is not None and before.kernel in WEIGHTED and before.activation == "NONE":
        return made.amend(before, node, inputs=(before.inputs[0], *_folded(made, before, node)))
    if node.shape.flat:
        factor, summand = (
            made.constant(f"{node.name}.{part}", (shape[-1],), Weights(part, None, (node,)))
            for part in ("factor", "summand")
        )
        return made.add("ADD", node, (made.add("MUL", node, (x, factor), shape, "scaled"), summand), shape)
    inputs = (x, *_weights(made, node, Weights("filter", None, (node,)), (1, 1, 1, shape[-1]), shape[-1]))
    options: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "padding": "VALID", "multiplier": 1}
    return made.add("DEPTHWISE_CONV_2D", node, inputs, shape, **options)


def _folded(made: Lowering, operator: Operator, node: Node) -> tuple[str, ...]:
    """The constants of an operator after folding a norm or scale into it."""
    folded = []
    for name in operator.inputs[1:]:
        tensor = made.tensors[name]
        assert isinstance(tensor.content, Weights)
        content = replace(tensor.content, folded=(*tensor.content.folded, node))
        folded.append(made.constant(f"{node.name}.{content.part}", tensor.shape, content))
    return tuple(folded)


def _no_norm(made: Lowering, node: Node, op: Op) -> str:
    reason = "there is no kernel for it, and no accurate way to compute it with other kernels in int8"
    raise Lacking(reason, field("norm", "batch", node))


# ---- merges, and numbers moved ----


def _merge(kernel: str) -> Rule:
    def rule(made: Lowering, node: Node, op: Any) -> str:
        """A sum or product of several inputs is a chain of sums or products of two."""
        first, *rest = made.inputs(node)
        for number, other in enumerate(rest, 1):
            first = made.add(kernel, node, (first, other), dims_of(node.shape), f"part{number}" * (number < len(rest)))
        return first

    return rule


def _concat(made: Lowering, node: Node, op: ops.Concat) -> str:
    inputs = [made.requantised(x, node, number) for number, x in enumerate(made.inputs(node), 1)]
    shape = dims_of(node.shape)
    return inputs[0] if len(inputs) == 1 else made.add("CONCATENATION", node, inputs, shape, axis=len(shape) - 1)


def _slice(made: Lowering, node: Node, op: ops.ChannelSlice) -> str:
    (x,), (shape,) = made.inputs(node), made.graph.inputs(node)
    if node.shape.c == shape.c:
        return x
    first = sum(op.sizes[: op.part]) if op.sizes else op.part * node.shape.c
    begin, end = (0, 0, 0, first), (1, shape.h, shape.w, first + node.shape.c)
    cut = (("begin", begin), ("end", end), ("steps", (1, 1, 1, 1)))
    inputs = [made.constant(f"{node.name}.{name}", (4,), values, counts=True) for name, values in cut]
    return made.add("STRIDED_SLICE", node, (x, *inputs), dims_of(node.shape))


def _shuffle(made: Lowering, node: Node, op: ops.ChannelShuffle) -> str:
    (x,), shape = made.inputs(node), node.shape
    each = shape.c // op.groups
    if 1 in (op.groups, each):
        return x
    order = made.constant(f"{node.name}.order", (4,), (0, 1, 3, 2), counts=True)
    pixels = shape.h * shape.w
    x = _reshaped(made, node, x, (1, pixels, op.groups, each), "groups")
    x = made.add("TRANSPOSE", node, (x, order), (1, pixels, each, op.groups), "dealt")
    return _reshaped(made, node, x, dims_of(shape))


def _channel_pad(made: Lowering, node: Node, op: ops.ChannelPad) -> str:
    (x,) = made.inputs(node)
    amounts = made.constant(f"{node.name}.sides", (4, 2), (0, 0, 0, 0, 0, 0, op.before, op.after), counts=True)
    return made.add("PAD", node, (x, amounts), dims_of(node.shape)) if op.before or op.after else x


def _pad(made: Lowering, node: Node, op: ops.Pad2d) -> str:
    return made.padded(made.inputs(node)[0], node, (op.top, op.bottom, op.left, op.right), op.mode, part="")


def _upsample(made: Lowering, node: Node, op: ops.Upsample) -> str:
    (x,) = made.inputs(node)
    if op.factor == (1, 1):
        return x
    size = made.constant(f"{node.name}.size", (2,), (node.shape.h, node.shape.w), counts=True)
    kernel = "RESIZE_BILINEAR" if op.bilinear else "RESIZE_NEAREST_NEIGHBOR"
    return made.add(kernel, node, (x, size), dims_of(node.shape))


def _same(made: Lowering, node: Node, op: Op) -> str:
    return made.inputs(node)[0]


RULES: dict[type[Op], Rule] = {
    ops.Activation: _activation,
    ops.AdaptivePool: _adaptive,
    ops.Add: _merge("ADD"),
    ops.AvgPool2d: _avg_pool,
    ops.BatchNorm2d: _affine,
    ops.ChannelNorm: _no_norm,
    ops.ChannelPad: _channel_pad,
    ops.ChannelScale: _affine,
    ops.ChannelShuffle: _shuffle,
    ops.ChannelSlice: _slice,
    ops.Concat: _concat,
    ops.Conv2d: _conv,
    ops.Dropout: _same,
    ops.Flatten: _flatten,
    ops.Gate: _merge("MUL"),
    ops.GroupNorm: _no_norm,
    ops.InstanceNorm2d: _no_norm,
    ops.Linear: _linear,
    ops.MaxPool2d: _max_pool,
    ops.Multiply: _merge("MUL"),
    ops.Pad2d: _pad,
    ops.Rescale: _affine,
    ops.Upsample: _upsample,
}


def program_of(graph: Graph, dtype: str = INT8) -> Program:
    """The operators of a graph, int8 or float32; layers without a kernel are listed in `lacking` and skipped."""
    made = Lowering(graph, dtype, RULES)
    for node in graph.nodes.values():
        made.lower(node)
    return made.finish()
