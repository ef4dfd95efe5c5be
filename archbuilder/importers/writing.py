"""A flow as blocks, and blocks as YAML text: one line where a block fits, nested lists where it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archbuilder.blocks import find
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.importers.assemble import Assembler
from archbuilder.importers.block import Block
from archbuilder.importers.flow import IMAGE, Flow, Step
from archbuilder.importers.recorder import NO_BLOCK, Recording
from archbuilder.importers.shorten import repeats, stages
from archbuilder.importers.structure import Structure
from archbuilder.importers.style import choose
from archbuilder.importers.tree import Inexpressible
from archbuilder.ir import ops
from archbuilder.ir.shape import Shape

WIDTH = 110  # columns that a line may have
CROWDED = 90  # the same for a line with several blocks
MAX_INLINE = 3  # blocks that a block on one line may hold

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WORDS = {"true", "false", "null"}  # which mean something else without quotes


def inline(value: Any) -> str:
    """A value in YAML's one-line style."""
    if isinstance(value, Block):
        return _block(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_item, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return (
            value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else '"' + value.replace('"', '\\"') + '"'
        )
    return repr(value)


def _item(value: Any) -> str:
    """A block inside brackets has braces of its own, unless it is one word."""
    text = inline(value)
    return "{" + text + "}" if isinstance(value, Block) and ": " in text else text


def _block(block: Block) -> str:
    """`conv: 16`, `conv: {out: 16, kernel: 5}`, `gap`."""
    if not block.fields:
        return block.word
    kind = find(block.word)
    if kind and list(block.fields) == [kind.POSITIONAL]:
        return f"{block.word}: {inline(block.fields[kind.POSITIONAL])}"
    return f"{block.word}: {inline(block.fields)}"


def document(
    comments: Sequence[str], head: Mapping[str, Any], defaults: Mapping[str, Any], network: Sequence[Block], data: str
) -> str:
    """The whole file; `data` is a data set, empty where there is none."""
    lines = [f"# {comment}" for comment in comments]
    lines += [f"{key}: {inline(value)}" for key, value in head.items()]
    if defaults:
        short = f"defaults: {inline(defaults)}"
        long = ["defaults:", *(f"  {key}: {inline(value)}" for key, value in defaults.items())]
        lines += ["", *([short] if len(short) <= WIDTH else long)]
    lines += ["", "network:", *(line for block in network for line in listed(block, 2))]
    if data:
        lines += ["", f"data: {inline({'dataset': data})}"]
    return "\n".join(lines) + "\n"


def listed(block: Block, indent: int = 0) -> Iterator[str]:
    """The lines of a block in a list."""
    margin, short = " " * indent, inline(block)
    if _fits([block], short, indent):
        yield f"{margin}- {short}"
        return
    yield f"{margin}- {block.word}:"
    for key, value in block.fields.items():
        if key == "paths":
            yield f"{margin}    paths:"
            for path in value:
                yield from _path(path, indent + 6)
        elif key in _NESTED and not _fits(value, inline(value), indent + 4 + len(key)):
            yield f"{margin}    {key}:"
            for inner in value:
                yield from listed(inner, indent + 6)
        else:
            yield f"{margin}    {key}: {inline(value)}"


def _path(path: Sequence[Block], indent: int) -> Iterator[str]:
    """The lines of a list of blocks in a list."""
    margin = " " * indent
    if not path or _fits(path, inline(path), indent):
        yield f"{margin}- {inline(path)}"
        return
    first, *others = (line for block in path for line in listed(block, indent + 2))
    yield f"{margin}- {first.lstrip()}"
    yield from others


_NESTED = {"blocks", "paths", "shortcut"}


def _fits(blocks: Sequence[Block], short: str, indent: int) -> bool:
    """Whether blocks may stand on one line: no stage, few that hold others, none that hold others that do."""
    held = [inner for block in blocks for inside in block.lists() for inner in inside]
    flat = held or blocks
    plain = len(flat) <= MAX_INLINE and all(not block.fields.keys() & _NESTED for block in flat)
    room = WIDTH if len(blocks) == 1 and not held else CROWDED
    return plain and indent + len(short) < room and all(block.word != "stage" for block in blocks)


CONNECTIONS = declare(
    "AB808",
    "connections that the language cannot write",
    why=(
        "Skips, branches and joins can say how most networks are connected. Here paths cross so that no order "
        "of blocks has them all."
    ),
    bad="""\
$ cat > model.py <<'END'
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        convs = (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()) for _ in range(6))
        self.a, self.b, self.c, self.d, self.p, self.q = convs

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        c = self.c(b) + self.p(a)
        return self.d(c) + self.q(b)
END
$ archbuilder import model.py:Net --input 3x32x32""",
    good="""\
$ cat > model.py <<'END'
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
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
