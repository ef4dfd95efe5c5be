"""A sequence of ops -> blocks, divided so that the text is shortest."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archbuilder.importers.blocks import Style, bias_field, conv_block, separable_block, single_block
from archbuilder.importers.flow import Flow, Step
from archbuilder.importers.structure import Inexpressible
from archbuilder.importers.units import MAX_STEPS, Unit, kind, unit
from archbuilder.importers.yaml_text import Block, inline
from archbuilder.ir import ops

# costs besides characters in the search for the shortest way to write a sequence
LINE = 30  # a block of its own
STRAY = 45  # an activation or dropout before a conv: it belongs to the block before, unless a norm comes first
HALVES = 15  # a depthwise separable conv whose halves have different layers
ENDING = -15  # bonus for calling the last layer a classifier


@dataclass(frozen=True)
class Window:
    """A part of a sequence that can be one block, with any defaults."""

    start: int
    stop: int
    what: Step | Unit | tuple[Unit, Unit]
    classifier: bool = False


def windows(run: Sequence[Step], flow: Flow, cuts: Container[int], classifier: int | None) -> list[Window]:
    """The parts that can be blocks. `cuts` are values that must be outputs of blocks, `classifier` is the last
    layer."""
    found = [Window(n, n + 1, step) for n, step in enumerate(run)]
    units: dict[int, list[Window]] = {}
    for start in range(len(run)):
        for stop in range(start + 1, min(start + MAX_STEPS + 2, len(run) + 1)):
            if (stop > start + 1 and run[stop - 2].id in cuts) or not (kind(run[stop - 1]) or _is_pad(run[stop - 1])):
                break
            made = unit(run[start:stop], flow)
            if made:
                units.setdefault(start, []).append(Window(start, stop, made))
    for first in [window for same in units.values() for window in same]:
        found.append(first)
        found += _separables(first, units.get(first.stop, []), run, cuts)
    return found + list(_classifiers(run, cuts, classifier))


def _is_pad(step: Step) -> bool:
    return isinstance(step.op, ops.Pad2d)


def _separables(
    first: Window, seconds: Sequence[Window], run: Sequence[Step], cuts: Container[int]
) -> Iterator[Window]:
    assert isinstance(first.what, Unit)
    for second in seconds:
        assert isinstance(second.what, Unit)
        if first.what.bare and second.stop < len(run) and kind(run[second.stop]) not in ("", "conv"):
            continue  # later layers belong only to the second half
        if run[first.stop - 1].id not in cuts and separable_block(first.what, second.what, Style()):
            yield Window(first.start, second.stop, (first.what, second.what))


def _classifiers(run: Sequence[Step], cuts: Container[int], classifier: int | None) -> Iterator[Window]:
    """The last layer, together with a flatten before it."""
    for n, step in enumerate(run):
        if step.id != classifier:
            continue
        if isinstance(step.op, ops.Linear):
            flat = n > 0 and isinstance(run[n - 1].op, ops.Flatten) and run[n - 1].id not in cuts
            yield Window(n - flat, n + 1, step, classifier=True)
        elif step.op in (ops.Conv2d(step.shape.c, (1, 1)), ops.Conv2d(step.shape.c, (1, 1), bias=True)):
            yield Window(n, n + 1, step, classifier=True)


def word(window: Window, run: Sequence[Step], style: Style) -> Block | None:
    """The block of a part, None if the language has none."""
    if window.classifier:
        return _classifier(list(run[window.start : window.stop]), style)
    if isinstance(window.what, Unit):
        return conv_block(window.what, style)
    if isinstance(window.what, tuple):
        return separable_block(*window.what, style)
    return single_block(window.what, style)


def _classifier(steps: list[Step], style: Style) -> Block:
    op = steps[-1].op
    assert isinstance(op, (ops.Linear, ops.Conv2d))
    fields: dict[str, Any] = {"kind": "linear"} if isinstance(op, ops.Linear) else {}
    return Block("classifier", fields | bias_field(op.bias, style), steps)


def segment(run: Sequence[Step], pieces: Sequence[Window], style: Style) -> tuple[int, list[Block]]:
    """(number of characters, the blocks). Raises Inexpressible for an op without a block."""
    best: list[tuple[int, Block | None, int] | None] = [(0, None, 0)] + [None] * len(run)
    for window in sorted(pieces, key=lambda window: (window.stop, -window.start)):
        before = best[window.start]
        block = word(window, run, style) if before else None
        if before and block:
            cost = before[0] + len(inline(block)) + LINE + _bias(window)
            known = best[window.stop]
            if known is None or cost < known[0]:
                best[window.stop] = (cost, block, window.start)
    if best[-1] is None:
        stuck = run[max(n for n in range(len(best)) if best[n])]
        raise Inexpressible(stuck, _no_block(stuck))
    return best[-1][0], _blocks(best)


def _bias(window: Window) -> int:
    """The penalty of a part, besides its length."""
    first = window.what[0] if isinstance(window.what, tuple) else window.what
    if isinstance(window.what, tuple) and not window.what[0].bare and window.what[0].order != window.what[1].order:
        return HALVES
    if isinstance(first, Unit) and first.order[0] in ("act", "dropout"):
        before = first.order[: first.order.index("conv")]
        return 0 if "norm" in before else STRAY * len(before)
    return ENDING * window.classifier


def _blocks(best: Sequence[tuple[int, Block | None, int] | None]) -> list[Block]:
    """The blocks of the cheapest division, collected backwards."""
    blocks, at = [], len(best) - 1
    while at:
        found = best[at]
        assert found and found[1]
        blocks.append(found[1])
        at = found[2]
    return blocks[::-1]


def _no_block(step: Step) -> str:
    if isinstance(step.op, ops.ChannelSlice):
        return "splits channels whose parts do not go on separate paths to one merge"
    return f"{step.op.describe()} has no block of its own"
