"""Int8 for a program: the range of each tensor, its scale and zero point, and the constants as integers.

Activations have one asymmetric scale per tensor, and their grid always contains 0. Filters have one symmetric scale per
output channel. Biases have the scale of the operator's sum.

Source: the specification of TensorFlow Lite's 8-bit quantisation; Jacob et al., 2018.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from archbuilder.device.program import FIXED_SCALE, LOWEST, SAME_SCALE, WEIGHTED, Operator, Program
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.quantized import floats

LEAST, MOST = -128, 127  # of int8; filters do not use -128
SMALLEST = 1e-12  # of a scale
BINS = 2048  # of the histogram of a tensor's values
SHARES = [1 - step / 20 for step in range(15)]  # factors for an end of the range that are tried, from 1 downwards
ROOM = 2.0**30  # of a bias in steps: half of what int32 holds, so that the sum stays in it

NO_NUMBER = declare(
    "AB882",
    "values that are not finite, so that int8 has no range",
    exit_status=2,
    why=(
        "A scale is computed from the smallest and the largest value of a tensor on the calibration images. If these "
        "are infinite or NaN there is no scale: the training has failed, or the weights are damaged."
    ),
    bad="$ archbuilder quantize runs/net/diverged",
    good="$ archbuilder quantize runs/net/trained",
)
ALL_ZERO = declare(
    "AB883",
    "a layer whose output is always zero",
    severity="warning",
    why=(
        "On all calibration images the output of the layer is 0, for example after a ReLU whose input is never "
        "positive. In int8 it stays 0 for every image; in float another image might give other values."
    ),
    bad="$ archbuilder quantize runs/net/dead",
    good="$ archbuilder quantize runs/net/trained",
)


class Scale(NamedTuple):
    """value = scale * (integer - zero); scales in float32, one or one per index of `axis`."""

    scale: Tensor
    zero: int = 0
    axis: int = 0

    @property
    def one(self) -> float:
        """The scale of a tensor with a single scale."""
        return float(self.scale)

    def integers(self, x: Tensor) -> Tensor:
        """The nearest integers of the grid, as float, for an activation (a single scale)."""
        return (x / self.scale + self.zero).round().clamp(LEAST, MOST)

    def values(self, x: Tensor) -> Tensor:
        return (x.to(self.scale.dtype) - self.zero) * self.scale


Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Quantized:
    """A program in int8: its constants as integers (int8, int32), and the scale of each quantised tensor."""

    program: Program
    constants: Mapping[str, Tensor]
    scales: Mapping[str, Scale]


def observe(
    program: Program, constants: floats.Constants, batches: Iterable[Tensor], step: floats.Step | None = None
) -> Ranges:
    """The smallest and the largest value of each tensor that is written, over batches of normalised images.

    The padding of a max pool is not counted. step: computes an operator; by default in float."""
    found: Ranges = {}
    padded = {operator.output for operator in program.operators if operator.kernel == "PADV2"}

    def note(name: str, value: Tensor) -> Tensor:
        values = value[value > torch.finfo(value.dtype).min] if name in padded else value
        low, high = float(values.min()), float(values.max())
        least, most = found.get(name, (0.0, 0.0))
        isnan = low != low or high != high
        found[name] = (float("nan"), float("nan")) if isnan else (min(least, low), max(most, high))
        return value

    with torch.no_grad():
        for images in batches:
            floats.run(program, constants, images, note, step)
    return found


def narrowed(
    program: Program,
    constants: floats.Constants,
    batches: Iterable[Tensor],
    ranges: Ranges,
    step: floats.Step | None = None,
) -> Ranges:
    """The ranges with the least squared error: rare values outside are clipped if this makes the steps finer."""
    counts = {name: torch.zeros(BINS) for name, (low, high) in ranges.items() if low < high}

    def count(name: str, value: Tensor) -> Tensor:
        if name in counts:
            counts[name] += torch.histc(value.float(), BINS, *ranges[name])
        return value

    with torch.no_grad():
        for images in batches:
            floats.run(program, constants, images, count, step)
    return ranges | {name: _narrowed(found, *ranges[name]) for name, found in counts.items()}


def _narrowed(counts: Tensor, low: float, high: float) -> tuple[float, float]:
    width = (high - low) / BINS
    centres = low + width * (torch.arange(BINS) + 0.5)
    best, found = float("inf"), (low, high)
    for bottom in SHARES if low < 0 else SHARES[:1]:
        for top in SHARES if high > 0 else SHARES[:1]:
            scale = of_range(low * bottom, high * top)
            error = float((counts * (scale.values(scale.integers(centres)) - centres).square()).sum())
            if error < best:
                best, found = error, (low * bottom, high * top)
    return found


def doubts(program: Program, ranges: Ranges) -> list[Diagnostic]:
    """Warnings about layers whose result is always 0. Raises ArchbuilderError AB882 for NaN or infinite values."""
    writers = {operator.output: operator for operator in program.operators}
    spans = {name: writers[name].node.span if name in writers else Span(name) for name in ranges}
    broken = [name for name, (low, high) in ranges.items() if not (isfinite(low) and isfinite(high))]
    if broken:
        message = f"{broken[0]} gives infinite or NaN values on the calibration images"
        hint = "look at the curves of the run: its training failed; train it again with a lower learning rate"
        raise ArchbuilderError(NO_NUMBER.at(spans[broken[0]], message, hint))
    hint = "train longer, or with a lower learning rate; a layer that is always 0 can also be removed"
    return [
        ALL_ZERO.at(spans[name], f"{name} is 0 on all calibration images", hint)
        for name, (low, high) in ranges.items()
        if low == high == 0
    ]


def scales(program: Program, ranges: Ranges) -> dict[str, Scale]:
    """The scale of each tensor that is written; operators that only move values keep the scale of their input."""
    names = {tensor.name: tensor.name for tensor in program.written}

    def group(name: str) -> str:
        while names[name] != name:
            name = names[name]
        return name

    for operator in program.operators:
        if operator.kernel in SAME_SCALE:
            for tensor in program.computed(operator):
                names[group(tensor.name)] = group(operator.output)
    fixed = {group(o.output): FIXED_SCALE[o.kernel] for o in program.operators if o.kernel in FIXED_SCALE}
    hulls: Ranges = {}
    for name in names:
        low, high = hulls.get(group(name), (0.0, 0.0))
        hulls[group(name)] = min(low, ranges[name][0]), max(high, ranges[name][1])
    known = {name: Scale(torch.tensor(scale), zero) for name, (scale, zero) in fixed.items()}
    return {name: known[group(name)] if group(name) in known else of_range(*hulls[group(name)]) for name in names}


def of_range(low: float, high: float) -> Scale:
    """The grid of 256 numbers over a range that contains 0; 0 is one of the numbers."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = torch.tensor(max((high - low) / (MOST - LEAST), SMALLEST))
    return Scale(scale, max(LEAST, min(MOST, round(LEAST - low / float(scale)))))


def of_filter(operator: Operator, filter: Tensor, least: Tensor | float = SMALLEST) -> Scale:
    """The scale of each output channel of a filter, none below `least`."""
    axis = 3 if operator.kernel == "DEPTHWISE_CONV_2D" else 0
    largest = filter.detach().abs().movedim(axis, 0).flatten(1).amax(1).double() / MOST
    return Scale(largest.clamp_min(least).float(), 0, axis)


def along(scale: Scale, dims: int) -> Tensor:
    """Scales per channel in a shape that broadcasts with a filter of `dims` dimensions."""
    shape = [1] * dims
    shape[scale.axis] = -1
    return scale.scale.reshape(shape)


def quantize(program: Program, constants: floats.Constants, ranges: Ranges) -> Quantized:
    """A program in int8, from its float constants and the ranges of its tensors."""
    known = scales(program, ranges)
    integers: dict[str, Tensor] = {}
    for operator in program.operators:
        read = known[next(program.computed(operator)).name]
        if operator.kernel in WEIGHTED:
            name, bias = operator.inputs[1:]
            # so that the bias is representable in these steps
            least = constants[bias].abs().double() / (read.one * ROOM)
            known[name] = of_filter(operator, constants[name], least.clamp_min(SMALLEST))
            steps = constants[name].double() / along(known[name], constants[name].dim()).double()
            integers[name] = steps.round().clamp(-MOST, MOST).to(torch.int8)
            known[bias] = Scale((known[name].scale.double() * read.one).float())
            exact = known[name].scale.double() * read.one
            integers[bias] = (constants[bias].double() / exact).round().to(torch.int32)
            continue
        for name in operator.inputs:
            tensor = program.tensors[name]
            if tensor.counts:
                integers[name] = constants[name].to(torch.int32)
            elif tensor.content == LOWEST:
                known[name], integers[name] = read, torch.full(tensor.shape, LEAST, dtype=torch.int8)
            elif tensor.content is not None:
                known[name] = Scale((constants[name].abs().max() / MOST).clamp_min(SMALLEST))
                integers[name] = known[name].integers(constants[name]).to(torch.int8)
    return Quantized(program, integers, known)
