"""A program computed in int8 with the arithmetic of the runtime's reference kernels: the reference for exported files.

Sums and products of integers are exact. A result is rescaled by a multiplier of 31 bits and a shift and rounded twice,
as in the kernels: convolutions, sums, products, means and pools are bit-exact. Nonlinear functions (logistic, tanh,
...) are rounded to the nearest integer; a kernel may differ by one step.

Source: tensorflow/tflite-micro, kernels/internal/common.cc and kernels/internal/reference/integer_ops.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import frexp

import torch
from torch import Tensor

from archbuilder.device.program import Operator
from archbuilder.quantized import floats
from archbuilder.quantized.scales import LEAST, MOST, Quantized, Scale

ADD_SHIFT = 20  # bits for the fractions of the terms of a sum
EXACT = 2**24  # integers up to here are exact in float32


def run(model: Quantized, images: Tensor, watch: floats.Watch | None = None) -> Tensor:
    """The int8 result of the network for normalised images (n, c, h, w): vectors, or maps with channels last."""
    pixels = model.scales[model.program.input].integers(images).to(torch.int8)
    return floats.run(model.program, model.constants, pixels, watch, partial(compute, model))


def compute(model: Quantized, operator: Operator, inputs: list[Tensor]) -> Tensor:
    """The result of an operator in int8, with its fused activation."""
    out = model.scales[operator.output]
    read = [model.scales[name] for name in operator.inputs if name in model.scales]
    if operator.kernel in floats.MOVES:
        value = _moved(operator, inputs, read[0])
    elif operator.kernel in ARITHMETIC:
        value = ARITHMETIC[operator.kernel](operator, inputs, read, out)
    else:
        value = _curve(operator, inputs[0], read[0], out)
    return value.clamp(*_limits(operator, out)).to(torch.int8)


def _limits(operator: Operator, out: Scale) -> tuple[int, int]:
    """The smallest and the largest result of the fused activation."""
    low = max(LEAST, out.zero) if operator.activation in ("RELU", "RELU6") else LEAST
    high = min(MOST, out.zero + _nearest(6.0 / out.one)) if operator.activation == "RELU6" else MOST
    return low, high


def _nearest(value: float) -> int:
    """The nearest integer, halves away from zero."""
    return int(value + (0.5 if value >= 0 else -0.5))


def multiplier(value: float) -> tuple[int, int]:
    """A positive number as m * 2**shift / 2**31, with m of 31 bits."""
    if value == 0:
        return 0, 0
    fraction, shift = frexp(value)
    mantissa = _nearest(fraction * 2**31)
    if mantissa == 2**31:
        mantissa, shift = mantissa // 2, shift + 1
    return (0, 0) if shift < -31 else (mantissa, shift)


def rescaled(x: Tensor, mantissa: Tensor | int, shift: Tensor | int) -> Tensor:
    """x (int64, of 32 bits) times a multiplier, rounded after the product and again after the shift to the right."""
    mantissa, shift = torch.as_tensor(mantissa), torch.as_tensor(shift)
    high = ((x << shift.clamp_min(0)) * mantissa + 2**30) >> 31  # halves are rounded up; equivalent to the kernels
    right = (-shift).clamp_min(0)
    mask = (torch.ones_like(right) << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))


def _by(factor: float, x: Tensor) -> Tensor:
    return rescaled(x, *multiplier(factor))


def _rounded_quotient(total: Tensor, count: Tensor | int) -> Tensor:
    """total / count, rounded, halves away from zero."""
    half = torch.as_tensor(count) // 2
    return torch.div(torch.where(total > 0, total + half, total - half), count, rounding_mode="trunc")


def _weighted(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    x, filter, bias = inputs
    sums = floats.connect if operator.kernel == "FULLY_CONNECTED" else floats.convolve
    axis = read[1].axis
    most = filter.abs().long().movedim(axis, 0).flatten(1).sum(1).max() * 255
    dtype = torch.float32 if most < EXACT else torch.float64  # the sum is exact in both cases
    total = sums(operator, (x.to(dtype) - read[0].zero), filter.to(dtype)).round().long() + bias.long()
    factors = (read[0].one * read[1].scale.double() / out.one).tolist()
    mantissas, shifts = (torch.tensor(each) for each in zip(*map(multiplier, factors), strict=True))
    return rescaled(total, mantissas, shifts) + out.zero


def _add(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    twice = 2 * max(scale.one for scale in read)
    terms = [
        _by(scale.one / twice, (x.long() - scale.zero) << ADD_SHIFT) for x, scale in zip(inputs, read, strict=True)
    ]
    return _by(twice / (2**ADD_SHIFT * out.one), terms[0] + terms[1]) + out.zero


def _multiply(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    one, other = (x.long() - scale.zero for x, scale in zip(inputs, read, strict=True))
    return _by(read[0].one * read[1].one / out.one, one * other) + out.zero


def _mean(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    """The mean: the division by the number of pixels is part of the multiplier."""
    x = inputs[0].long() - read[0].zero
    pixels = x.shape[1] * x.shape[2]
    mantissa, shift = multiplier(read[0].one / out.one)
    room = min(pixels.bit_length() - 1, 32, 31 + shift)
    return rescaled(x.sum((1, 2), keepdim=True), (mantissa << room) // pixels, shift - room) + out.zero


def _average(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    total, count = floats.summed(operator, inputs[0].double())
    return _rounded_quotient(total.round().long(), count.round().long())


def _leaky(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    """Leaky and parametric ReLU: a second factor for negative values."""
    x, factor = inputs[0].long() - read[0].zero, read[0].one / out.one
    if operator.kernel == "LEAKY_RELU":
        below = _by(factor * operator.options["slope"], x)
    else:
        below = _by(factor * read[1].one, x * inputs[1].long())
    return torch.where(x >= 0, _by(factor, x), below) + out.zero


def _requantised(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    return _by(read[0].one / out.one, inputs[0].long() - read[0].zero) + out.zero


def _resized(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    """Bilinear interpolation with positions and weights of 10 bits."""
    x = inputs[0].long()
    for axis, size in zip((1, 2), inputs[1].tolist(), strict=True):
        x = _between(x, axis, size)
    return torch.div(x + torch.where(x > 0, 2**19, -(2**19)), 2**20, rounding_mode="trunc")


def _between(x: Tensor, axis: int, size: int) -> Tensor:
    """Interpolated along an axis, times 2**10."""
    n = x.shape[axis]
    step = (n * 2**10 + size // 2) // size
    place = torch.arange(size) * step + step // 2 - 2**9
    low = torch.div(place, 2**10, rounding_mode="trunc").clamp_min(0)
    high = torch.div(place + 2**10 - 1, 2**10, rounding_mode="trunc").clamp_max(n - 1)
    weight = (place - low * 2**10).reshape(-1, *(1,) * (3 - axis))
    return x.index_select(axis, low) * (2**10 - weight) + x.index_select(axis, high) * weight


def _hard_swish(operator: Operator, inputs: list[Tensor], read: list[Scale], out: Scale) -> Tensor:
    """x * min(max(x + 3, 0), 6) / 6 in 16 bits; both factors are rounded separately."""
    fine = float(torch.tensor(1 / 128) * read[0].scale)  # the kernel computes its factors in float32
    factor, shift = _short(float(torch.tensor(fine) / out.scale))
    slope, rise = _short(float(torch.tensor(fine) / torch.tensor(3 / 32768)))
    x = (torch.arange(LEAST, MOST + 1) - read[0].zero) * 128
    gate = _high(_saturated(x << max(rise - 1, 0)), slope)
    gate = _saturated(gate << 1) if rise > 0 else _halved(gate, -rise)
    product = torch.div(((gate + 2**15) >> 1) * _high(x, factor), 2**15, rounding_mode="trunc")
    return (_halved(product, -shift) + out.zero)[inputs[0].long() - LEAST]


def _short(value: float) -> tuple[int, int]:
    """A multiplier of 15 bits, and its shift."""
    mantissa, shift = multiplier(value)
    return min((mantissa + 2**15) >> 16, 2**15 - 1), shift


def _saturated(x: Tensor) -> Tensor:
    return x.clamp(-(2**15), 2**15 - 1)


def _high(x: Tensor, factor: int) -> Tensor:
    """The upper 16 bits of twice a product, rounded."""
    product = x * factor
    half = torch.where(product >= 0, 2**14, 1 - 2**14)
    return torch.div(product + half, 2**15, rounding_mode="trunc")


def _halved(x: Tensor, times: int) -> Tensor:
    """x / 2**times, rounded, halves away from zero."""
    mask = 2**times - 1
    found: Tensor = (x >> times) + ((x & mask) > (mask >> 1) + (x < 0))
    return found


def _curve(operator: Operator, x: Tensor, read: Scale, out: Scale) -> Tensor:
    """A nonlinear function by a table: for each of the 256 inputs, the nearest value of the output grid."""
    every = torch.arange(LEAST, MOST + 1, dtype=torch.float64)
    results = floats.CURVES[operator.kernel]((every - read.zero) * read.one)
    table = (results / out.one + out.zero).round().clamp(LEAST, MOST)
    return table[x.long() - LEAST]


def _moved(operator: Operator, inputs: list[Tensor], read: Scale) -> Tensor:
    """An operator that only moves values, computed in float, which represents them exactly."""
    computed = [x.float() if x.dtype == torch.int8 else x for x in inputs]
    if operator.kernel == "PAD":
        return floats.padded(operator, computed[0], inputs[1], read.zero)
    return floats.MOVES[operator.kernel](operator, *computed)


ARITHMETIC: dict[str, Callable[[Operator, list[Tensor], list[Scale], Scale], Tensor]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": _average,
    "CONV_2D": _weighted,
    "DEPTHWISE_CONV_2D": _weighted,
    "FULLY_CONNECTED": _weighted,
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky,
    "MEAN": _mean,
    "MUL": _multiply,
    "PRELU": _leaky,
    "QUANTIZE": _requantised,
    "RESIZE_BILINEAR": _resized,
}
