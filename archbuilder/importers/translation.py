"""A flow -> blocks, the `defaults:` that give the shortest file, and the order of the steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.importers.assemble import Assembler, Run
from archbuilder.importers.blocks import Style, layer_values
from archbuilder.importers.flow import IMAGE, Flow, Step
from archbuilder.importers.recorder import NO_BLOCK, Recording
from archbuilder.importers.segment import LINE, segment
from archbuilder.importers.shorten import repeats, stages
from archbuilder.importers.structure import Inexpressible, Structure
from archbuilder.importers.units import Unit
from archbuilder.importers.yaml_text import Block, document, inline
from archbuilder.ir import ops
from archbuilder.ir.shape import Shape

MOST = 4  # number of values tried per field, the most frequent ones
ROUNDS = 3

Weighed = Sequence[tuple[Run, int]]  # sequences, and how often each occurs


def choose(runs: Sequence[Run]) -> Style:
    """The style with the fewest characters, including the section itself.

    The order determines how sequences are divided into blocks, so each order that occurs is tried, with the other
    fields optimised for it.
    """
    weighed = _distinct(runs)
    candidates = _candidates(weighed)
    starts = dict.fromkeys(replace(Style(), order=order) for order in (Style().order, *candidates.pop("order")))
    return min((_settled(start, candidates, weighed) for start in starts), key=lambda found: found[1])[0]


def _settled(best: Style, candidates: dict[str, list[Any]], weighed: Weighed) -> tuple[Style, int]:
    """A style that no change of a single field makes shorter, and its cost."""
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
    """Equal sequences once, with their count: deep networks repeat themselves."""
    counts: Counter[object] = Counter()
    first: dict[object, Run] = {}
    for run, pieces in runs:
        sign = (tuple((step.op, _channels(pieces, n)) for n, step in enumerate(run)), len(pieces))
        counts[sign] += 1
        first.setdefault(sign, (run, pieces))
    return [(first[sign], count) for sign, count in counts.items()]


def _channels(pieces: Any, number: int) -> object:
    """What the text of an op depends on besides the op itself: the channels, if there are groups."""
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


CONNECTIONS = declare(
    "AB808",
    "connections that the language cannot write",
    why=(
        "Skips, branches and joins describe how most networks are connected. Here, paths cross in a way that no order "
        "of blocks can express."
    ),
    bad="""\
$ archbuilder import model.py:Crossing --input 3x32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)


@dataclass(frozen=True)
class Written:
    """The blocks, the defaults, and the steps in the order of archbuilder's graph."""

    blocks: list[Block]
    defaults: dict[str, Any]
    order: list[Step]
    classes: int | None

    def text(self, name: str, shape: Shape, comments: Sequence[str], data: str = "") -> str:
        """The whole file; `data` is a data set's name or path, empty for no `data:` section."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100] or "network"
        head: dict[str, Any] = {"archbuilder": 1, "name": name, "input": list(shape.dims)}
        lines = ["".join(c if c.isprintable() else " " for c in comment) for comment in comments]
        return document(
            lines, head | ({"classes": self.classes} if self.classes else {}), self.defaults, self.blocks, data
        )


def write(recording: Recording, problems: list[Diagnostic]) -> Written:
    """The recording as blocks, up to the first step that cannot be written, which is added to `problems`."""
    flow = recording.flow
    while flow.output != IMAGE:
        try:
            return _blocks(flow, recording.dims[0] if len(recording.dims) == 1 and not problems else None)
        except Inexpressible as error:
            if not problems:  # an incomplete recording has loose ends
                problems.append(CONNECTIONS.at(error.step.place, error.message, error.hint))
            flow.output = max(error.step.inputs)
    if not problems:
        problems.append(NO_BLOCK.at(Span(recording.name), "returns the image itself: there is no network in it"))
    raise ArchbuilderError(*problems)


def _blocks(flow: Flow, classes: int | None) -> Written:
    """Raises Inexpressible."""
    end = flow.steps[flow.output]
    before = flow.shape(end.inputs[0])
    # a network with classes flattens a map of one pixel automatically
    flat = classes is not None and end.op == ops.Flatten() and (before.h, before.w) == (1, 1) and end.inputs[0] != IMAGE
    body = Flow(flow.input, flow.steps, end.inputs[0] if flat else end.id)
    assembler = Assembler(body, Structure(body).sequence(), _classifier(body, classes))
    style = choose(assembler.runs)
    blocks = assembler.blocks(style)
    order = [step for block in blocks for step in block.steps] + [end] * flat
    return Written(repeats(stages(blocks, assembler.names)), style.section(), order, classes)


def _classifier(flow: Flow, classes: int | None) -> int | None:
    """The last step with weights, if its output is the classes."""
    value = flow.output
    while value != IMAGE and not flow.steps[value].layer and len(flow.steps[value].inputs) == 1:
        (value,) = flow.steps[value].inputs
    last = flow.steps.get(value)
    return value if last and isinstance(last.op, (ops.Conv2d, ops.Linear)) and last.shape.c == classes else None
