"""The `defaults:` section that makes a file shortest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from archbuilder.importers.assemble import Run
from archbuilder.importers.segment import LINE, segment
from archbuilder.importers.units import Unit
from archbuilder.importers.values import layer_values
from archbuilder.importers.wording import Style
from archbuilder.importers.writer import inline
from archbuilder.ir import ops

MOST = 4  # values that are tried per field, the most frequent ones
ROUNDS = 3

Weighed = Sequence[tuple[Run, int]]  # runs, and how often each occurs


def choose(runs: Sequence[Run]) -> Style:
    """The style in which the runs take the fewest characters, the section itself counted.

    The order decides where blocks are cut, so each order that occurs is tried with the other fields settled for it.
    """
    weighed = _distinct(runs)
    candidates = _candidates(weighed)
    starts = dict.fromkeys(replace(Style(), order=order) for order in (Style().order, *candidates.pop("order")))
    return min((_settled(start, candidates, weighed) for start in starts), key=lambda found: found[1])[0]


def _settled(best: Style, candidates: dict[str, list[Any]], weighed: Weighed) -> tuple[Style, int]:
    """A style that no change of one field makes shorter, and what it costs."""
    cost = _cost(best, weighed)
    for _ in range(ROUNDS):
        before = best
        for field, values in candidates.items():
            for value in values:
                tried = replace(best, **{field: value})
                if tried != best and (price := _cost(tried, weighed)) < cost:
                    best, cost = tried, price
        if best == before:
            break
    return best, cost


def _cost(style: Style, weighed: Weighed) -> int:
    section = style.section()
    own = len(inline(section)) + LINE if section else 0
    return own + sum(segment(*run, style)[0] * count for run, count in weighed)


def _distinct(runs: Sequence[Run]) -> list[tuple[Run, int]]:
    """Runs that read alike, once each with their number: deep networks repeat themselves."""
    counts: Counter[object] = Counter()
    first: dict[object, Run] = {}
    for run, pieces in runs:
        sign = (tuple((step.op, _channels(pieces, n)) for n, step in enumerate(run)), len(pieces))
        counts[sign] += 1
        first.setdefault(sign, (run, pieces))
    return [(first[sign], count) for sign, count in counts.items()]


def _channels(pieces: Any, number: int) -> object:
    """What the words for an op depend on beside the op itself: channels, where there are groups."""
    for piece in pieces:
        if (
            isinstance(piece.what, Unit)
            and piece.start == number
            and (piece.what.conv.groups > 1 or _grouped(piece.what))
        ):
            return piece.what.channels, piece.what.norm_channels
    return None


def _grouped(unit: Unit) -> bool:
    return isinstance(unit.layers.get("norm"), ops.GroupNorm)


def _candidates(weighed: Sequence[tuple[Run, int]]) -> dict[str, list[Any]]:
    """The values that blocks have, per field, the most frequent ones first."""
    found: dict[str, Counter[str]] = {}
    values: dict[str, Any] = {}
    for (_, pieces), count in weighed:
        for piece in pieces:
            for field, value in _settings(piece.what) if isinstance(piece.what, Unit) else ():
                text = inline(value)
                values[text] = value
                found.setdefault(field, Counter())[text] += count
    tried = {field: [values[text] for text, _ in counter.most_common(MOST)] for field, counter in found.items()}
    names = ("order", "norm", "activation", "dropout", "padding", "bias")
    return {field: [*tried.get(field, []), getattr(Style(), field)] for field in names}


def _settings(unit: Unit) -> Iterator[tuple[str, Any]]:
    yield "order", "-".join(unit.order)
    yield "bias", unit.conv.bias
    if len(set(unit.sides)) == 1 and unit.conv.kernel != (1, 1):
        yield "padding", unit.sides[0] or "valid"
    for step, field in (("norm", "norm"), ("act", "activation"), ("dropout", "dropout")):
        if step not in unit.layers:
            yield field, 0 if step == "dropout" else "none"
        else:
            for value in layer_values(unit, step):
                yield field, value
