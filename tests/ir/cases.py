"""Generated hyper-parameters: for every op a strategy of small graphs that end in it.

`OPS` maps an op to a strategy of what may stand after a map of some shape; a test fails while an op is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from hypothesis import assume
from hypothesis import strategies as st

from archbuilder.blocks import activation
from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.graph import Graph
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shape

Draw = Callable[..., Any]
Pairs = st.SearchStrategy[tuple[int, int]]

ACTIVATIONS = [kind for kind in get_args(activation.Kind) if kind != "none"]


class Nowhere:
    """The place of an op that no text describes."""

    def span(self, field: str = "") -> Span:
        return Span("<generated>")


def pairs(low: int, high: int) -> Pairs:
    """(height, width), often equal."""
    numbers = st.integers(low, high)
    return st.one_of(numbers.map(lambda n: (n, n)), st.tuples(numbers, numbers))


def divisors(number: int) -> st.SearchStrategy[int]:
    return st.sampled_from([n for n in range(1, number + 1) if number % n == 0])


def maps(channels: int, side: int) -> st.SearchStrategy[Shape]:
    """Shapes of maps up to a size."""
    return st.builds(lambda c, h, w: Shape(c, h, w), st.integers(1, channels), *[st.integers(1, side)] * 2)


@st.composite
def fitting(draw: Draw, x: Shape, dilated: bool = True, half: bool = False) -> dict[str, tuple[int, int]]:
    """Kernel, stride, dilation and padding of a window that fits the map; `half`: as pools are padded."""
    axes = []
    for n in (x.h, x.w):
        kernel = draw(st.integers(1, 5))
        dilation = draw(st.integers(1, 3)) if dilated else 1
        span = dilation * (kernel - 1) + 1
        least = max(0, -(-(span - n) // 2))
        if half and least > kernel // 2:
            kernel, dilation, least = 1, 1, 0
        padding = draw(st.integers(least, kernel // 2 if half else least + 3))
        axes.append((kernel, draw(st.integers(1, 3)), dilation, padding))
    kernel, stride, dilation, padding = zip(*axes, strict=True)
    found = {"kernel": kernel, "stride": stride, "padding": padding}
    return found | {"dilation": dilation} if dilated else found


@st.composite
def convs(draw: Draw, x: Shape) -> Op:
    groups = draw(divisors(x.c))
    mode = draw(st.sampled_from(["zeros", "zeros", "zeros", "reflect", "replicate", "circular"]))
    windows = draw(fitting(x))
    if mode != "zeros":
        assume(all(p < n for p, n in zip(windows["padding"], (x.h, x.w), strict=True)))
    out = groups * draw(st.integers(1, 3))
    bias, frozen = draw(st.booleans()), draw(st.booleans())
    return ops.Conv2d(out, groups=groups, bias=bias, frozen=frozen, padding_mode=mode, **windows)


@st.composite
def pads(draw: Draw, x: Shape) -> Op:
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    bounds = [3 if mode in ("zeros", "replicate") else min(3, n - 1) for n in (x.h, x.h, x.w, x.w)]
    return ops.Pad2d(*(draw(st.integers(0, bound)) for bound in bounds), mode)


@st.composite
def avg_pools(draw: Draw, x: Shape) -> Op:
    if draw(st.integers(0, 4)) == 4:
        return ops.AvgPool2d((x.h, x.w), draw(pairs(1, 4)))
    modes = {"ceil_mode": draw(st.booleans()), "count_include_pad": draw(st.booleans())}
    return ops.AvgPool2d(**draw(fitting(x, dilated=False, half=True)), **modes)


@st.composite
def max_pools(draw: Draw, x: Shape) -> Op:
    return ops.MaxPool2d(**draw(fitting(x, half=True)), ceil_mode=draw(st.booleans()))


@st.composite
def group_norms(draw: Draw, x: Shape) -> Op:
    groups = draw(divisors(x.c))
    assume(x.elements > groups)  # a group of one value has no variance
    return ops.GroupNorm(groups, draw(st.sampled_from([1e-5, 1e-3])), draw(st.booleans()))


@st.composite
def slices(draw: Draw, x: Shape) -> Op:
    if draw(st.booleans()) and x.c > 1:
        first = draw(st.integers(1, x.c - 1))
        return ops.ChannelSlice(draw(st.integers(0, 1)), 2, (first, x.c - first))
    parts = draw(divisors(x.c))
    return ops.ChannelSlice(draw(st.integers(0, parts - 1)), parts)


@st.composite
def activations(draw: Draw, x: Shape) -> Op:
    kind = draw(st.sampled_from(ACTIVATIONS))
    return ops.Activation(kind, draw(st.floats(0, 1)), channels=kind == "prelu" and draw(st.booleans()))


def rescales(x: Shape) -> st.SearchStrategy[Op]:
    """By one number, or by one per channel; a factor of 0 would show nothing of the input."""

    def constants(low: float, high: float) -> st.SearchStrategy[float | tuple[float, ...]]:
        one = st.floats(low, high)
        return st.one_of(one, st.tuples(*[one] * x.c))

    return st.builds(ops.Rescale, constants(0.1, 2), constants(-1, 1))


def adaptive_pools(x: Shape) -> st.SearchStrategy[Op]:
    any_size = st.tuples(st.integers(1, x.h), st.integers(1, x.w))
    sizes = [st.just((1, 1)), st.tuples(divisors(x.h), divisors(x.w)), any_size]
    return st.builds(ops.AdaptivePool, st.one_of(sizes), st.booleans())


def instance_norms(x: Shape) -> st.SearchStrategy[Op]:
    assume((x.h, x.w) != (1, 1))
    return st.builds(ops.InstanceNorm2d, st.just(1e-5), st.booleans())


# what may stand after a map x; merges and linear layers, which take something else, are made in `graphs`
OPS: dict[type[Op], Callable[[Shape], st.SearchStrategy[Op]]] = {
    ops.Activation: activations,
    ops.AdaptivePool: adaptive_pools,
    ops.Add: lambda x: st.just(ops.Add()),
    ops.AvgPool2d: avg_pools,
    ops.BatchNorm2d: lambda x: st.builds(ops.BatchNorm2d, st.just(1e-5), st.floats(0.01, 1), st.booleans()),
    ops.ChannelNorm: lambda x: st.builds(ops.ChannelNorm, st.just(1e-6), st.booleans()),
    ops.ChannelPad: lambda x: st.builds(ops.ChannelPad, st.integers(0, 3), st.integers(0, 3)),
    ops.ChannelScale: lambda x: st.builds(ops.ChannelScale, st.floats(0.1, 1)),
    ops.ChannelShuffle: lambda x: st.builds(ops.ChannelShuffle, divisors(x.c)),
    ops.ChannelSlice: slices,
    ops.Concat: lambda x: st.just(ops.Concat()),
    ops.Conv2d: convs,
    ops.Dropout: lambda x: st.builds(ops.Dropout, st.floats(0.01, 0.99), st.booleans()),
    ops.Flatten: lambda x: st.just(ops.Flatten()),
    ops.Gate: lambda x: st.just(ops.Gate()),
    ops.GroupNorm: group_norms,
    ops.InstanceNorm2d: instance_norms,
    ops.Linear: lambda x: st.builds(ops.Linear, st.integers(1, 9), st.booleans()),
    ops.MaxPool2d: max_pools,
    ops.Multiply: lambda x: st.just(ops.Multiply()),
    ops.Pad2d: pads,
    ops.Rescale: rescales,
    ops.Upsample: lambda x: st.builds(ops.Upsample, pairs(1, 3), st.booleans()),
}


@st.composite
def graphs(draw: Draw, kind: type[Op], stem: bool = True) -> Graph:
    """A network that ends in an op of this kind, on the image itself or after a conv."""
    g = GraphBuilder(draw(maps(8, 16)), [], Nowhere())
    if stem and draw(st.booleans()):
        g.add(draw(convs(shape(g))), "stem")
    if issubclass(kind, (ops.Add, ops.Concat, ops.Multiply)):
        branches(draw, g, kind)
    elif kind is ops.Gate:
        gate(draw, g)
    else:
        if kind is ops.Linear:
            g.add(ops.Flatten(), "flatten")
        g.add(draw(OPS[kind](shape(g))), "op")
    complaints: list[Diagnostic] = g.diagnostics
    assert complaints == [], "the strategies draw valid ops only"
    return g.finish()


def shape(g: GraphBuilder) -> Shape:
    found = g.shape
    assert found is not None, g.diagnostics
    return found


def branches(draw: Draw, g: GraphBuilder, kind: type[Op]) -> None:
    """Two or three convs of equal strides side by side, centred differently, and their merge."""
    start, x = g.value, shape(g)
    stride, out = draw(pairs(1, 3)), draw(st.integers(1, 4))
    ends = [start] if stride == (1, 1) and draw(st.booleans()) else []
    for number in range(draw(st.integers(2 - len(ends), 2))):
        g.value = start
        kernel, dilation = draw(pairs(1, 4)), draw(pairs(1, 2))
        spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        top, left = (draw(st.integers(0, span)) for span in spans)
        g.add(ops.Pad2d(top, spans[0] - top, left, spans[1] - left), f"pad{number}")
        channels = draw(st.integers(1, 4)) if kind is ops.Concat else x.c if start in ends else out
        ends.append(g.add(ops.Conv2d(channels, kernel, stride, dilation), f"conv{number}"))
    g.add(draw(OPS[kind](x)), "op", tuple(draw(st.permutations(ends))))


def gate(draw: Draw, g: GraphBuilder) -> None:
    """Squeeze-excite, and sometimes a conv after it."""
    start, x = g.value, shape(g)
    g.add(ops.AdaptivePool(), "squeeze")
    g.add(ops.Conv2d(x.c, (1, 1), bias=True), "excite")
    g.add(ops.Gate(), "op", (start, g.value))
    if draw(st.booleans()):
        g.add(draw(convs(x)), "after")
