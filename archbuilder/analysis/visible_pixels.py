"""Which pixels of the image the units of a map are computed from.

`seen` walks backward from some units of a map, layer by layer, to the image; `unread` are the pixels that no unit sees.
`touched` walks forward and gives the pattern of one unit of every map, without regard to borders: a dilation skips some
of the pixels that a receptive field spans. Padding is not a pixel: a unit near a border sees fewer pixels than its
field spans.

Along each axis a set of pixels is stored as the bits of an integer: exact, and cheap to shift and to unite.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import Op, Pointwise
from archbuilder.ir.ops import (
    AdaptivePool,
    AvgPool2d,
    Conv2d,
    Gate,
    GroupNorm,
    InstanceNorm2d,
    MaxPool2d,
    Pad2d,
    Upsample,
)
from archbuilder.ir.ops.merge import Merge
from archbuilder.ir.shape import Shape

MAX_BITS = 20_000  # pixels; wider images are not examined

Windowed = AvgPool2d | Conv2d | MaxPool2d
Pair = tuple[int, int]  # sets of rows and of columns; either both are empty or neither is

NOTHING: Pair = (0, 0)


class Unread(NamedTuple):
    """For one axis of the image: how many pixels are never read, and how many of them are at its end."""

    pixels: int
    end: int


def unread(facts: Facts) -> tuple[Unread, Unread]:
    """The pixels that strides skip, along height and width; gates are ignored."""
    graph = facts.graph
    last = graph.shape(facts.value)
    rows, columns = seen(graph, facts.value, (_all(last.h), _all(last.w)), statistics=True)
    return _unread(rows, graph.input.h), _unread(columns, graph.input.w)


def _unread(bits: int, side: int) -> Unread:
    return Unread(side - bits.bit_count(), side - bits.bit_length())


def seen(graph: Graph, value: str, units: Pair, statistics: bool = False) -> Pair:
    """The rows and columns of the image from which the units in some rows and columns of a value are computed.

    Gates are ignored, as in a receptive field, and so are the statistics of norms over the map, unless `statistics`. A
    set may be too large, never too small: for sides over MAX_BITS, and after a slice of channels, because all channels
    are counted."""
    wanted = {value: units}
    for node in reversed(graph.nodes.values()):
        rows, columns = wanted.pop(node.name, NOTHING)
        if not rows:
            continue
        for name in node.inputs[:1] if isinstance(node.op, Gate) else node.inputs:
            x, before = graph.shape(name), wanted.get(name, NOTHING)
            read = _reads(node, rows, 0, x, statistics), _reads(node, columns, 1, x, statistics)
            if all(read):  # without both rows and columns, the unit is computed from padding only
                wanted[name] = before[0] | read[0], before[1] | read[1]
    return wanted.get(INPUT, NOTHING)


def _reads(node: Node, bits: int, axis: int, x: Shape, statistics: bool) -> int:
    """The pixels of an input that an op reads for some pixels of its output."""
    op, side = node.op, x[1 + axis]
    if isinstance(op, (GroupNorm, InstanceNorm2d)):
        return _all(side) if statistics else bits
    if isinstance(op, (Pointwise, Gate, Merge)):
        return bits
    if isinstance(op, Pad2d):
        return _unpadded(bits, (op.top, op.left)[axis], side, op.mode)
    if isinstance(op, Windowed):
        return reads(op, bits, axis, side)
    if isinstance(op, AdaptivePool) and side <= MAX_BITS:
        return _binned(bits, side, op.size[axis])
    if isinstance(op, Upsample) and side <= MAX_BITS:
        return _shrunk(bits, side, op.factor[axis], op.bilinear)
    return _all(side)


def reads(op: Windowed, units: int, axis: int, side: int) -> int:
    """The pixels of a side that windows read for a set of units; all pixels if the side is too long to examine."""
    if max(side, op.stride[axis], op.kernel[axis] * op.dilation[axis]) > MAX_BITS:
        return _all(side)
    windows = repeated(spread(units, op.stride[axis]), op.kernel[axis], op.dilation[axis])
    return _unpadded(windows, op.padding[axis], side, op.padding_mode if isinstance(op, Conv2d) else "zeros")


def _all(side: int) -> int:
    return (1 << side) - 1


def _unpadded(bits: int, lead: int, side: int, mode: str) -> int:
    """Translate positions in a padded side to the pixels that they hold; `lead` is the padding at its start."""
    pixels = bits >> lead & _all(side)
    if mode == "zeros" or pixels == _all(side):
        return pixels
    source = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}[mode]
    for position in range(lead):
        pixels |= (bits >> position & 1) << source(position - lead, side)
    for position in range(lead + side, bits.bit_length()):
        pixels |= (bits >> position & 1) << source(position - lead, side)
    return pixels


def _reflected(position: int, side: int) -> int:
    return -position if position < 0 else 2 * (side - 1) - position


def _replicated(position: int, side: int) -> int:
    return 0 if position < 0 else side - 1


def _wrapped(position: int, side: int) -> int:
    return position % side


def _binned(bits: int, side: int, bins: int) -> int:
    """The pixels in some bins of an adaptive pool."""
    if side % bins == 0:
        return repeated(spread(bits, side // bins), side // bins, 1)
    if bits == _all(bins):
        return _all(side)
    pixels = 0
    for unit in range(bins):
        if bits >> unit & 1:
            first, end = unit * side // bins, -(-(unit + 1) * side // bins)
            pixels |= _all(end - first) << first
    return pixels


def _shrunk(bits: int, side: int, factor: int, bilinear: bool) -> int:
    """The pixels from which some pixels of an enlarged side are made."""
    if factor == 1:
        return bits
    # align_corners=False: unit u lies at (u + 1/2) / factor - 1/2, between the pixel before and the next one, or on one
    on_one = factor % 2 if bilinear else 0
    lead, window = (factor - factor // 2 - on_one, 2 * factor - on_one) if bilinear else (0, factor)
    return sampled(repeated_down(bits << lead, window), factor) & _all(side)


class Touched(NamedTuple):
    """The pixels start + i for every bit i that is set; the lowest and the highest bit are always set."""

    start: int
    bits: int

    @property
    def span(self) -> int:
        return self.bits.bit_length()

    @property
    def pixels(self) -> int:
        return self.bits.bit_count()

    @property
    def has_holes(self) -> bool:
        return self.pixels < self.span

    def moved(self, by: int) -> Touched:
        return Touched(self.start + by, self.bits)

    def union(self, other: Touched) -> Touched:
        low = min(self.start, other.start)
        return Touched(low, self.bits << self.start - low | other.bits << other.start - low)


def touched(facts: Facts, axis: int) -> dict[str, Touched] | None:
    """The pixels that unit 0 of every map up to the global pool touches, without regard to borders.

    None if the pattern depends on the position (upsampling, uneven bins) or the field is too wide to examine.
    """
    found = {INPUT: Touched(0, 1)}
    for node in facts.graph.nodes.values():
        if facts.value in found:
            break
        stride = facts.reaches[node.inputs[0]].stride[axis]
        if isinstance(stride, Fraction) or facts.reaches[node.name].size[axis] > MAX_BITS:
            return None
        result = _step(node.op, [found[name] for name in node.inputs], stride, axis, facts.graph.inputs(node)[0])
        if result is None:
            return None
        found[node.name] = result
    return found


def _step(op: Op, inputs: list[Touched], stride: int, axis: int, shape: Shape) -> Touched | None:
    x = inputs[0]
    if isinstance(
        op, (Pointwise, Gate, GroupNorm, InstanceNorm2d)
    ):  # gates and statistics are ignored, as in the receptive field
        return x
    if isinstance(op, Upsample) and op.factor[axis] == 1:
        return x
    if isinstance(op, Merge):
        return reduce(Touched.union, inputs)
    if isinstance(op, Pad2d):
        return x.moved(-stride * (op.top, op.left)[axis])
    if isinstance(op, (Conv2d, MaxPool2d, AvgPool2d)):
        taps = repeated(x.bits, op.kernel[axis], op.dilation[axis] * stride)
        return Touched(x.start - stride * op.padding[axis], taps)
    if isinstance(op, AdaptivePool) and shape[1 + axis] % op.size[axis] == 0:
        return Touched(x.start, repeated(x.bits, shape[1 + axis] // op.size[axis], stride))
    return None


def repeated(bits: int, times: int, step: int) -> int:
    """The union of the set and its copies shifted by step, 2 step ... (times - 1) step; each round doubles their
    number."""
    done = 1
    while done < times:
        more = min(done, times - done)
        bits |= bits << more * step
        done += more
    return bits


def spread(bits: int, stride: int) -> int:
    """Pixel i moved to i * stride."""
    if stride == 1:
        return bits
    if bits & bits + 1 == 0:  # consecutive pixels from 0 on, the usual case, in one step
        return repeated(bits & 1, bits.bit_length(), stride)
    return int(("0" * (stride - 1)).join(f"{bits:b}"), 2)


def repeated_down(bits: int, times: int) -> int:
    """The union of the set and its copies shifted down by 1, 2 ... times - 1: the start of every window of `times`
    pixels that contains a pixel of the set."""
    done = 1
    while done < times:
        more = min(done, times - done)
        bits |= bits >> more
        done += more
    return bits


def sampled(bits: int, stride: int) -> int:
    """Every stride-th pixel: i * stride moved to i."""
    return int(f"{bits:b}"[::-1][::stride][::-1], 2)
