"""The receptive field step by step: the effect of each layer with a window and of each merge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import INPUT, Node
from archbuilder.ir.op import Op, Pointwise
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, Conv2d, Flatten, MaxPool2d, Pad2d, Upsample
from archbuilder.ir.reach import Pixels, Reach
from archbuilder.ir.shape import Shape

Pair = tuple[Pixels, Pixels]  # (height, width)


@dataclass(frozen=True)
class Window:
    """A sliding window; `before` and `after` are the padding at both ends of an axis."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair
    after: Pair


@dataclass(frozen=True)
class Step:
    """A layer of the derivation: its input and output maps, its window, and the field of its output.

    `sources` are the names of the steps that it reads. A merge has no window.
    """

    name: str
    op: str
    sources: tuple[str, ...]
    before: Shape
    after: Shape
    window: Window | None
    reach: Reach


@dataclass(frozen=True)
class Derivation:
    """The steps from the image to the output; `last` is the step whose output enters the global pool."""

    steps: tuple[Step, ...]
    last: str


def derive(facts: Facts) -> Derivation:
    """The steps of a network, without layers that do not change any field."""
    graph = facts.graph
    step_of = {INPUT: INPUT}  # per value, the step that made its field
    steps: list[Step] = []
    for node in graph.nodes.values():
        sources = tuple(dict.fromkeys(step_of[name] for name in node.inputs))
        if _is_step(node.op, facts, node):
            name = _short(node.name)
            step_of[node.name] = name
            x, window = _window(facts, node)
            steps.append(Step(name, node.op.describe(), sources, x, node.shape, window, facts.reaches[node.name]))
        else:
            step_of[node.name] = sources[0]
    return Derivation(tuple(steps), step_of[facts.value])


def _is_step(op: Op, facts: Facts, node: Node) -> bool:
    """Whether a layer is a step of the derivation: it has a window, or its field differs from that of its input."""
    if isinstance(op, (Pointwise, Flatten)):
        return False
    if isinstance(op, Pad2d):  # part of the window that follows
        return not all(isinstance(reader.op, Conv2d) for reader in facts.readers.get(node.name, ()))
    return len(node.inputs) > 1 or _has_window(op) or facts.reaches[node.name] != facts.reaches[node.inputs[0]]


def _has_window(op: Op) -> bool:
    return isinstance(op, (AdaptivePool, AvgPool2d, Conv2d, MaxPool2d, Upsample))


def _short(name: str) -> str:
    """C1.conv for C1.conv.conv: readers know the conv by the path of its block."""
    return name.removesuffix(".conv")


def _window(facts: Facts, node: Node) -> tuple[Shape, Window | None]:
    """The input map of a layer and its window, including a padding layer directly before it."""
    graph = facts.graph
    op, x, one, zero = node.op, graph.inputs(node)[0], (1, 1), (0, 0)
    if isinstance(op, Upsample):
        return x, Window(one, (Fraction(1, op.factor[0]), Fraction(1, op.factor[1])), one, zero, zero)
    if isinstance(op, AdaptivePool):
        bins = (Fraction(x.h, op.size[0]), Fraction(x.w, op.size[1]))
        return x, Window(bins, bins, one, zero, zero)
    if isinstance(op, Pad2d):
        return x, Window(one, one, one, (op.top, op.left), (op.bottom, op.right))
    if not isinstance(op, (AvgPool2d, Conv2d, MaxPool2d)):
        return x, None
    top, left = op.padding
    before, after = (top, left), (top, left)
    pad = graph.nodes.get(node.inputs[0])
    if pad and isinstance(pad.op, Pad2d) and not _is_step(pad.op, facts, pad):
        x = graph.inputs(pad)[0]
        before = (top + pad.op.top, left + pad.op.left)
        after = (top + pad.op.bottom, left + pad.op.right)
    window = Window(op.kernel, op.stride, op.dilation, before, after)
    return x, _reaching(window, x, node.shape) if getattr(op, "ceil_mode", False) else window


def _reaching(window: Window, x: Shape, out: Shape) -> Window:
    """The window of a pool with `ceil_mode`: pixels past the padded map at its last position count as padding."""
    ends = (
        max(q, (units - 1) * s + d * (k - 1) + 1 - n - p)
        for n, units, k, s, d, p, q in zip((x.h, x.w), (out.h, out.w), *vars(window).values(), strict=True)
    )
    return replace(window, after=tuple(ends))
