"""The content of a drawing: a block per row of the report, stages around them, forks, and edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.ir import ops
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import Op
from archbuilder.reporting.field import MARKS, range_of
from archbuilder.reporting.text import groups as rows


def labels(facts: Facts) -> dict[str, str]:
    """The label of each value: `20x16x16, RF 7`; for a vector without the field."""
    return {layer.node.name: _label(layer) for layer in facts.layers}


def _label(layer: Layer) -> str:
    shape, reach = layer.node.shape, layer.reach
    return str(shape) if shape.flat else f"{shape}, RF {range_of(reach)}{MARKS[reach.status]}"


class Colour(NamedTuple):
    """A strong colour for lines, and a light one for areas."""

    line: str
    fill: str


COLOURS = {
    "conv": Colour("#2f6db3", "#e8f1fb"),
    "grouped": Colour("#0f8a7e", "#e3f5f2"),
    "pool": Colour("#c9780c", "#fdf1de"),
    "linear": Colour("#7a4fb5", "#f1eafa"),
    "gate": Colour("#b8443a", "#fbe9e7"),
    "other": Colour("#6b7785", "#f1f3f5"),
    "end": Colour("#3b4754", "#ffffff"),  # input and output
}

# priority of kinds, for a block with several of these ops
_KINDS: tuple[tuple[str, tuple[type[Op], ...]], ...] = (
    ("gate", (ops.Gate,)),
    ("linear", (ops.Linear,)),
    ("conv", (ops.Conv2d,)),
    ("pool", (ops.AvgPool2d, ops.MaxPool2d, ops.AdaptivePool)),
)


def kind(block: Sequence[Op]) -> str:
    """The kind of a block with these ops, a key of COLOURS."""
    for name, types in _KINDS:
        op = next((op for op in block if isinstance(op, types)), None)
        if op is not None:
            return "grouped" if isinstance(op, ops.Conv2d) and op.groups > 1 else name
    return "other"


FORKING = ("skip", "branches")  # blocks whose paths are drawn side by side
SYMBOLS: dict[type[Op], str] = {ops.Add: "+", ops.Multiply: "×", ops.Concat: "concat"}


@dataclass(eq=False)
class Block:
    """A block of the YAML: its op with norm, activation and dropout together.

    `title` is the part of its path that is not in a frame; `symbol` is the sign of a merge; `layers` are its ops in
    order, for a folded group those of all its blocks."""

    title: str
    text: tuple[str, ...]
    kind: str
    params: int = 0
    symbol: str = ""
    layers: tuple[Layer, ...] = ()


@dataclass(eq=False)
class Series:
    """Items in a column."""

    items: list[Item] = field(default_factory=list)


@dataclass(eq=False)
class Stage:
    """A named group, drawn as a frame; `path` is that of its content."""

    title: str
    series: Series
    path: str = ""


@dataclass(eq=False)
class Fork:
    """Paths side by side; the first continues straight down, unless all are equal (`centred`)."""

    columns: list[Series]
    centred: bool


Item = Block | Stage | Fork


@dataclass(frozen=True)
class Edge:
    """A value between the block that makes it and a block that uses it."""

    source: Block
    target: Block
    value: str


@dataclass(frozen=True)
class Diagram:
    """The blocks in their order, the edges between them, and a label for every value."""

    series: Series
    edges: tuple[Edge, ...]
    labels: dict[str, str]


Group = list[Layer]


def diagram(graph: Graph, facts: Facts) -> Diagram:
    """The diagram of a network, without a layout."""
    groups = rows(facts)
    start = Block(INPUT, (str(graph.input),), "end")
    end = Block("output", (str(graph.shape(graph.output)),), "end")
    tree = _Tree(facts)
    series = Series([start, *tree.items("", "", groups), end])
    made = {INPUT: start} | {layer.node.name: tree.blocks[id(group)] for group in groups for layer in group}
    edges = {
        (name, id(made[layer.node.name])): Edge(made[name], made[layer.node.name], name)
        for group in groups
        for layer in group
        for name in layer.node.inputs
        if made[name] is not made[layer.node.name]
    }
    last = Edge(made[graph.output], end, graph.output)
    return Diagram(series, (*edges.values(), last), {INPUT: f"{graph.input}, RF 1"} | labels(facts))


class _Tree:
    """Arranges groups of layers by their scopes."""

    def __init__(self, facts: Facts) -> None:
        self.blocks: dict[int, Block] = {}
        merges = (layer.node for layer in facts.layers if type(layer.node.op) in SYMBOLS)
        self.forks = {_scope(node) for node in merges if node.block in FORKING}

    def items(self, scope: str, frame: str, groups: Sequence[Group]) -> list[Item]:
        """The items of a scope in a column; titles omit the path of the frame."""
        found: list[Item] = []
        for child, inner in groupby(groups, lambda group: _child(scope, group)):
            members = list(inner)
            if child is None:
                found += [self._block(group, frame) for group in members]
            elif child in self.forks:
                found += self._fork(child, members, _relative(child, frame))
            elif len({id(group[0].node.place) for group in members}) > 1:
                title = _relative(child, frame)
                found.append(Stage(title, Series(self.items(child, child, members)), child))
            else:
                found += self.items(child, frame, members)
        return found

    def _fork(self, scope: str, groups: Sequence[Group], title: str) -> list[Item]:
        """Paths side by side and their merge, which has the name of the whole; a skip's shortcut is beside its body."""
        paths: dict[str, list[Group]] = {}
        merges = [group for group in groups if _scope(group[0].node) == scope and type(group[-1].node.op) in SYMBOLS]
        merge = merges[-1]
        for group in groups:
            if group is not merge:
                path = (_child(scope, group) or "").rpartition(".")[2]
                side = path if merge[0].node.block == "branches" or path == "shortcut" else ""
                paths.setdefault(side, []).append(group)
        columns = []
        for side, members in paths.items():
            inside = f"{scope}.{side}" if side else scope
            columns.append(Series(self.items(inside, scope, members)))
        met = self._block(merge, "", title)
        if len(columns) > 1:
            return [Fork(columns, merge[0].node.block == "branches"), met]
        return [*(item for column in columns for item in column.items), met]

    def _block(self, group: Group, frame: str, title: str = "") -> Block:
        node = group[-1].node
        path = group[0].node.name if len(group) == 1 else _scope(node)
        symbol = SYMBOLS.get(type(node.op), "") if len(group) == 1 else ""
        text = tuple(layer.node.op.describe() for layer in group)
        if node.shared and not symbol:
            text += (f"shares {node.module.rpartition('.')[0] or node.module}",)
        params = sum(layer.params for layer in group)
        kind_of = kind([layer.node.op for layer in group])
        block = Block(title or _relative(path, frame), text, kind_of, params, symbol, tuple(group))
        self.blocks[id(group)] = block
        return block


def blocks(items: Iterable[Item]) -> Iterator[Block]:
    """Every block below, in order."""
    for item in items:
        if isinstance(item, Block):
            yield item
        elif isinstance(item, Stage):
            yield from blocks(item.series.items)
        else:
            for column in item.columns:
                yield from blocks(column.items)


def stages(series: Series) -> Iterator[Stage]:
    """Every stage below, outer ones first."""
    for item in series.items:
        if isinstance(item, Stage):
            yield item
            yield from stages(item.series)
        elif isinstance(item, Fork):
            for column in item.columns:
                yield from stages(column)


def _scope(node: Node) -> str:
    return node.name.rpartition(".")[0]


def _child(scope: str, group: Group) -> str | None:
    """The path one step below a scope in which a group is; None if it is in the scope itself."""
    path = _scope(group[0].node)
    if path == scope:
        return None
    step = path[len(scope) + 1 if scope else 0 :].partition(".")[0]
    return f"{scope}.{step}" if scope else step


def _relative(path: str, frame: str) -> str:
    return path[len(frame) + 1 :] if frame and path.startswith(frame + ".") else path
