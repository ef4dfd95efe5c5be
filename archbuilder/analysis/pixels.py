"""Which pixels of the image the units of a map are computed from.

`seen` walks back from some units of a map, layer by layer, up to the borders of the image; `unread` is what no unit
sees.  `touched` walks forward and gives the pattern of one unit of every map, borders ignored: a dilation steps over
some of the pixels that a receptive field spans.  Padding is no pixel: a unit near a border sees less than its field.

Along each axis a set of pixels is the bits of an integer: exact, and cheap to move and to unite.
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

MAX_BITS = 20_000  # pixels; what is wider is not looked at

Windowed = AvgPool2d | Conv2d | MaxPool2d
Pair = tuple[int, int]  # sets of rows and of columns; both are empty or none is

NOTHING: Pair = (0, 0)


class Unread(NamedTuple):
    """Of one axis of the image: how many pixels are never read, and how many of these are its end."""

    pixels: int
    end: int


def unread(facts: Facts) -> tuple[Unread, Unread]:
    """What strides leave over, along height and width; gates left out."""
    graph = facts.graph
    last = graph.shape(facts.value)
    rows, columns = seen(graph, facts.value, (_all(last.h), _all(last.w)), statistics=True)
    return _unread(rows, graph.input.h), _unread(columns, graph.input.w)


def _unread(bits: int, side: int) -> Unread:
    return Unread(side - bits.bit_count(), side - bits.bit_length())


def seen(graph: Graph, value: str, units: Pair, statistics: bool = False) -> Pair:
    """The rows and columns of the image that the units in some rows and columns of a value are computed from.

    Gates are left out, as from a receptive field, and so is what norms over the map look at, unless `statistics`.
    A set is at most too large: at sides over MAX_BITS, and where channels are cut, since all channels count."""
    wanted = {value: units}
    for node in reversed(graph.nodes.values()):
        rows, columns = wanted.pop(node.name, NOTHING)
        if not rows:
            continue
        for name in node.inputs[:1] if isinstance(node.op, Gate) else node.inputs:
            x, before = graph.shape(name), wanted.get(name, NOTHING)
            read = _reads(node, rows, 0, x, statistics), _reads(node, columns, 1, x, statistics)
            if all(read):  # rows alone are nothing: the unit is computed from padding
                wanted[name] = before[0] | read[0], before[1] | read[1]
    return wanted.get(INPUT, NOTHING)


def _reads(node: Node, bits: int, axis: int, x: Shape, statistics: bool) -> int:
    """The pixels of an input that an op reads for some of its output."""
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
    """The pixels of a side that windows read for a set of units; all of a side that is too long to look at."""
    if max(side, op.stride[axis], op.kernel[axis] * op.dilation[axis]) > MAX_BITS:
        return _all(side)
    windows = repeated(spread(units, op.stride[axis]), op.kernel[axis], op.dilation[axis])
    return _unpadded(windows, op.padding[axis], side, op.padding_mode if isinstance(op, Conv2d) else "zeros")


def _all(side: int) -> int:
    return (1 << side) - 1


def _unpadded(bits: int, lead: int, side: int, mode: str) -> int:
    """The pixels of a side behind a set of positions of the padded one, which `lead` pixels of padding begin."""
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
    """The pixels that some pixels of an enlarged side are made of."""
    if factor == 1:
        return bits
    # align_corners=False: unit u lies at (u + 1/2) / factor - 1/2, between the pixel before and the next one, or on one
    on_one = factor % 2 if bilinear else 0
    lead, window = (factor - factor // 2 - on_one, 2 * factor - on_one) if bilinear else (0, factor)
    return sampled(repeated_down(bits << lead, window), factor) & _all(side)


class Touched(NamedTuple):
    """The pixels start + i for every bit i that is set; the lowest and the highest bit are."""

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
    """What unit 0 of every map up to the one before the global pool touches, borders ignored.

    None where a position decides (upsampling, uneven bins) or the field is too wide to be walked.
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
    if isinstance(op, (Pointwise, Gate, GroupNorm, InstanceNorm2d)):  # gates and statistics left out, as from the field
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
    """The set together with its copies moved by step, 2 step ... (times - 1) step; each round doubles their number."""
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
    if bits & bits + 1 == 0:  # all from 0 on, as nearly always: no need to write them out
        return repeated(bits & 1, bits.bit_length(), stride)
    return int(("0" * (stride - 1)).join(f"{bits:b}"), 2)


def repeated_down(bits: int, times: int) -> int:
    """The set together with its copies moved down by 1, 2 ... times - 1: where a window of so many pixels begins that
    holds one of the set."""
    done = 1
    while done < times:
        more = min(done, times - done)
        bits |= bits >> more
        done += more
    return bits


def sampled(bits: int, stride: int) -> int:
    """Every stride-th pixel: i * stride moved to i."""
    return int(f"{bits:b}"[::-1][::stride][::-1], 2)
