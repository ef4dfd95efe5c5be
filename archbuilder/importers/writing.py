"""A flow -> blocks, defaults and the order of its steps: everything between the recording and the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.importers.assemble import Assembler
from archbuilder.importers.block import Block
from archbuilder.importers.flow import IMAGE, Flow, Step
from archbuilder.importers.recorder import NO_BLOCK, Recording
from archbuilder.importers.shorten import repeats, stages
from archbuilder.importers.structure import Structure
from archbuilder.importers.style import choose
from archbuilder.importers.tree import Inexpressible
from archbuilder.importers.writer import document
from archbuilder.ir import ops
from archbuilder.ir.shape import Shape

CONNECTIONS = declare(
    "AB808",
    "connections that the language cannot write",
    why=(
        "Skips, branches and joins can say how most networks are connected. Here paths cross so that no order "
        "of blocks has them all."
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
    """What was recorded as blocks: up to the first step that cannot be written, which is then added to `problems`."""
    flow = recording.flow
    while flow.output != IMAGE:
        try:
            return _blocks(flow, recording.dims[0] if len(recording.dims) == 1 and not problems else None)
        except Inexpressible as error:
            if not problems:  # what was cut off leaves loose ends behind
                problems.append(CONNECTIONS.at(error.step.place, error.message, error.hint))
            flow.output = max(error.step.inputs)
    if not problems:
        problems.append(NO_BLOCK.at(Span(recording.name), "returns the image itself: there is no network in it"))
    raise ArchbuilderError(*problems)


def _blocks(flow: Flow, classes: int | None) -> Written:
    """Raises Inexpressible."""
    end = flow.steps[flow.output]
    before = flow.shape(end.inputs[0])
    # a network with classes flattens a map of one pixel by itself
    flat = classes is not None and end.op == ops.Flatten() and (before.h, before.w) == (1, 1) and end.inputs[0] != IMAGE
    body = Flow(flow.input, flow.steps, end.inputs[0] if flat else end.id)
    assembler = Assembler(body, Structure(body).sequence(), _classifier(body, classes))
    style = choose(assembler.runs)
    blocks = assembler.blocks(style)
    order = [step for block in blocks for step in block.steps] + [end] * flat
    return Written(repeats(stages(blocks, assembler.names)), style.section(), order, classes)


def _classifier(flow: Flow, classes: int | None) -> int | None:
    """The last step with weights, where it goes to the classes."""
    value = flow.output
    while value != IMAGE and not flow.steps[value].layer and len(flow.steps[value].inputs) == 1:
        (value,) = flow.steps[value].inputs
    last = flow.steps.get(value)
    return value if last and isinstance(last.op, (ops.Conv2d, ops.Linear)) and last.shape.c == classes else None
