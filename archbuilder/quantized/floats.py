"""A program computed in float: the constants of a module, and the result of each operator for images.

Tests use it to verify a program: with the constants of a module it must give the same result as the module. It is
differentiable, so a network can be trained with the operators of its program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from archbuilder.device import program as programs
from archbuilder.device.program import LOWEST, Operator, Program, Weights
from archbuilder.ir import ops
from archbuilder.ir.graph import Node

Constants = Mapping[str, Tensor]
Step = Callable[[Operator, list[Tensor]], Tensor]
Watch = Callable[[str, Tensor], Tensor]  # called with each tensor that is written; returns the tensor to use instead


def constants(program: Program, module: nn.Module, but: Collection[str] = ()) -> dict[str, Tensor]:
    """The constants of a program by name, in the runtime's layout: filters (out, height, width, in), float32.

    Norms are folded with their running statistics. but: names of constants to omit."""
    with place(module):
        return _constants(program, module, but)


def place(module: nn.Module) -> torch.device:
    """The device of a module; as a context, new tensors are made there."""
    first = next(module.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _constants(program: Program, module: nn.Module, but: Collection[str]) -> dict[str, Tensor]:
    found = {}
    for tensor in program.tensors.values():
        if tensor.name in but:
            continue
        if isinstance(tensor.content, Weights):
            found[tensor.name] = _weights(tensor.content, module).reshape(tensor.shape)
        elif tensor.content == LOWEST:
            found[tensor.name] = torch.full(tensor.shape, torch.finfo(torch.float32).min)
        elif tensor.content is not None:
            dtype = torch.int32 if tensor.counts else torch.float32
            found[tensor.name] = torch.tensor(tensor.content, dtype=dtype).reshape(tensor.shape)
    return found


def _weights(content: Weights, module: nn.Module) -> Tensor:
    if content.part == "slope":
        assert content.layer is not None
        return _parameter(module, content.layer, "weight")
    filter, bias = own(content, module)
    for node in content.folded:
        factor, summand = affine(node, module)
        filter = filter * per_channel(factor, filter)
        bias = bias * factor + summand
    return bias if content.part in ("bias", "summand") else arranged(content, filter)


def per_channel(values: Tensor, filter: Tensor) -> Tensor:
    """Values per output channel in a shape that broadcasts with the filter of a layer, (out, ...)."""
    return values.reshape(-1, *(1,) * (filter.dim() - 1))


def arranged(content: Weights, filter: Tensor) -> Tensor:
    """A layer's own filter, (out, in, height, width) or (out, in), in the runtime's layout."""
    if content.rows is not None:  # the vector is a flattened map; its channels come last here
        return filter.reshape(-1, *content.rows).permute(0, 2, 3, 1)
    if filter.dim() == 2 or content.part == "factor":
        return filter
    depthwise = content.layer is None or (_groups(content.layer) > 1 and filter.shape[1] == 1)
    return filter.permute(1, 2, 3, 0) if depthwise else filter.permute(0, 2, 3, 1)


def own(content: Weights, module: nn.Module) -> tuple[Tensor, Tensor]:
    """The filter and bias of a layer without folding; a filter of ones if there is no layer."""
    if content.layer is None:
        ones = torch.ones(content.folded[0].shape.c)
        return ones.reshape(-1, 1, 1, 1) if content.part in ("filter", "bias") else ones, torch.zeros_like(ones)
    filter = _parameter(module, content.layer, "weight")
    bias = getattr(module.get_submodule(content.layer.module), "bias", None)
    return filter, torch.zeros(len(filter)) if bias is None else bias


def _parameter(module: nn.Module, node: Node, name: str) -> Tensor:
    found: Tensor = getattr(module.get_submodule(node.module), name)
    return found


def _groups(node: Node) -> int:
    return node.op.groups if isinstance(node.op, ops.Conv2d) else 1


def affine(node: Node, module: nn.Module) -> tuple[Tensor, Tensor]:
    """The factor and the summand per channel of a norm (from its running statistics), a scale or a rescale."""
    layer: Any = module.get_submodule(node.module)
    channels = node.shape.c
    if isinstance(node.op, ops.BatchNorm2d):
        factor = (layer.running_var + layer.eps).rsqrt() * (1 if layer.weight is None else layer.weight)
        return factor, (0 if layer.bias is None else layer.bias) - layer.running_mean * factor
    if isinstance(node.op, ops.ChannelScale):
        return layer.weight, torch.zeros(channels)
    constants = (torch.as_tensor(constant, dtype=torch.float32) for constant in (layer.scale, layer.offset))
    factor, summand = (constant.expand(channels) for constant in constants)
    return factor, summand


def run(
    program: Program, constants: Constants, images: Tensor, watch: Watch | None = None, step: Step | None = None
) -> Tensor:
    """The result of a program for normalised images (n, channels, height, width); maps have channels last here.

    step: computes an operator; by default in float."""
    x = images.permute(0, 2, 3, 1) if images.dim() == 4 else images
    last = {name: at for at, operator in enumerate(program.operators) for name in operator.inputs}
    values = {program.input: watch(program.input, x) if watch else x}
    for at, operator in enumerate(program.operators):
        inputs = [values[name] if name in values else constants[name] for name in operator.inputs]
        value = (step or compute)(operator, inputs)
        values[operator.output] = watch(operator.output, value) if watch else value
        for name in operator.inputs:
            if last[name] == at and name != program.output:
                values.pop(name, None)
    return values[program.output]


def compute(operator: Operator, inputs: list[Tensor]) -> Tensor:
    """The result of an operator in float, with its fused activation."""
    return activated(operator, KERNELS[operator.kernel](operator, *inputs))


def activated(operator: Operator, value: Tensor) -> Tensor:
    """A result after the fused activation of its operator."""
    if operator.activation == "RELU":
        return value.relu()
    return value.clamp(0, 6) if operator.activation == "RELU6" else value


# ---- windows ----


def around(operator: Operator, x: Tensor, kernel: tuple[int, int], value: float = 0) -> Tensor:
    """A map (n, h, w, c) with SAME padding: as many pixels after as before, or one more."""
    if operator.options["padding"] == "VALID":
        return x
    sides: list[int] = []
    dilation = operator.options.get("dilation", (1, 1))
    for n, k, s, d in reversed(list(zip(x.shape[1:3], kernel, operator.options["stride"], dilation, strict=True))):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        sides += [total // 2, total - total // 2]
    return functional.pad(x, (0, 0, *sides), value=value)


def convolve(operator: Operator, x: Tensor, filter: Tensor, bias: Tensor | None = None) -> Tensor:
    """A convolution of maps (n, h, w, c), depthwise or not, without its activation."""
    depthwise = operator.kernel == "DEPTHWISE_CONV_2D"
    x = around(operator, x, (filter.shape[1], filter.shape[2])).permute(0, 3, 1, 2)
    filter = filter.permute(3, 0, 1, 2) if depthwise else filter.permute(0, 3, 1, 2)
    groups = x.shape[1] if depthwise else operator.options["groups"]
    stride, dilation = operator.options["stride"], operator.options["dilation"]
    return functional.conv2d(x, filter, bias, stride, 0, dilation, groups).permute(0, 2, 3, 1)


def connect(operator: Operator, x: Tensor, filter: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer of vectors, or of maps (n, h, w, c) as vectors."""
    return functional.linear(x.reshape(len(x), -1), filter, bias)


def highest(operator: Operator, x: Tensor) -> Tensor:
    """A maximum over a window; padding is ignored."""
    size = operator.options["kernel"]
    x = around(operator, x, size, torch.finfo(torch.float32).min).permute(0, 3, 1, 2)
    return functional.max_pool2d(x, size, operator.options["stride"]).permute(0, 2, 3, 1)


def summed(operator: Operator, x: Tensor) -> tuple[Tensor, Tensor]:
    """The sum over a window, and the number of its pixels without padding."""
    size, stride = operator.options["kernel"], operator.options["stride"]
    maps = [around(operator, each, size).permute(0, 3, 1, 2) for each in (x, torch.ones_like(x[:1, :, :, :1]))]
    pools = (functional.avg_pool2d(each, size, stride, divisor_override=1) for each in maps)
    total, count = (each.permute(0, 2, 3, 1) for each in pools)
    return total, count


def _average(operator: Operator, x: Tensor) -> Tensor:
    total, count = summed(operator, x)
    return total / count


# ---- numbers moved: the same in float and in int8 ----


def padded(operator: Operator, x: Tensor, sides: Tensor, value: float = 0) -> Tensor:
    flat = [int(side) for pair in sides.tolist()[::-1] for side in pair]
    return functional.pad(x, flat[: 2 * (x.dim() - 1)], value=value)


def _mirrored(operator: Operator, x: Tensor, sides: Tensor) -> Tensor:
    (top, bottom), (left, right) = sides.tolist()[1:3]
    x = x.permute(0, 3, 1, 2)
    return functional.pad(x, (left, right, top, bottom), mode="reflect").permute(0, 2, 3, 1)


def _reshaped(operator: Operator, x: Tensor, shape: Tensor) -> Tensor:
    return x.reshape(len(x), *shape.tolist()[1:])


def _transposed(operator: Operator, x: Tensor, order: Tensor) -> Tensor:
    return x.permute(*order.tolist())


def _sliced(operator: Operator, x: Tensor, begin: Tensor, end: Tensor, steps: Tensor) -> Tensor:
    return x[..., int(begin[-1]) : int(end[-1])]


def _resized(operator: Operator, x: Tensor, size: Tensor) -> Tensor:
    bilinear = {"mode": "bilinear", "align_corners": False} if operator.kernel == "RESIZE_BILINEAR" else {}
    options: dict[str, Any] = {"size": size.tolist()} | bilinear
    return functional.interpolate(x.permute(0, 3, 1, 2), **options).permute(0, 2, 3, 1)


MOVES: dict[str, Callable[..., Tensor]] = {
    "CONCATENATION": lambda operator, *x: torch.cat(x, -1),
    "MAX_POOL_2D": highest,
    "MIRROR_PAD": _mirrored,
    "PAD": padded,
    "PADV2": lambda operator, x, sides, value: padded(operator, x, sides, float(value)),
    "REDUCE_MAX": lambda operator, x, axes: x.amax((1, 2), keepdim=True),
    "RESHAPE": _reshaped,
    "RESIZE_NEAREST_NEIGHBOR": _resized,
    "STRIDED_SLICE": _sliced,
    "TRANSPOSE": _transposed,
}
CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "ELU": functional.elu,
    "HARD_SWISH": functional.hardswish,
    "LOGISTIC": torch.sigmoid,
    "RELU": torch.relu,
    "RELU6": functional.relu6,
    "TANH": torch.tanh,
}
KERNELS: dict[str, Callable[..., Tensor]] = {
    **MOVES,
    **{kernel: (lambda operator, x, curve=curve: curve(x)) for kernel, curve in CURVES.items()},
    "ADD": lambda operator, x, y: x + y,
    "AVERAGE_POOL_2D": _average,
    "CONV_2D": convolve,
    "DEPTHWISE_CONV_2D": convolve,
    "FULLY_CONNECTED": connect,
    "LEAKY_RELU": lambda operator, x: functional.leaky_relu(x, operator.options["slope"]),
    "MEAN": lambda operator, x, axes: x.mean((1, 2), keepdim=True),
    "MUL": lambda operator, x, y: x * y,
    "PRELU": lambda operator, x, slope: torch.where(x >= 0, x, x * slope),
    "QUANTIZE": lambda operator, x: x,
    "RESIZE_BILINEAR": _resized,
}
assert set(programs.SAME_SCALE) <= set(KERNELS)
