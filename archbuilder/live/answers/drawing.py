"""The drawing as data: the diagram and layout of the exporter, with groups that can be folded into one box.

Stages and uses of definitions are groups. A repeat does not show in the paths, so it is recognised as consecutive equal
blocks. A file with an error is drawn as far as its blocks can be lowered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from archbuilder.analysis.facts import Layer, analyse
from archbuilder.exporters.diagram import Block, Diagram, Edge, Fork, Item, Series, Stage, blocks, diagram, kind, stages
from archbuilder.exporters.svg.layout import MERGE, layout
from archbuilder.exporters.svg.lines import beside, points
from archbuilder.ir.graph import INPUT, Graph
from archbuilder.ir.shape import Shape
from archbuilder.live.answers.question import Answer, Question, Unanswered
from archbuilder.live.editing.measures import Measure, measures
from archbuilder.lower import lower
from archbuilder.pipeline import Report
from archbuilder.reporting.text import groups

MAX_ROWS = 2_000  # largest network that is drawn
UNFOLDED = 80  # number of boxes up to which nothing is folded by default
WIDTHS: dict[str, Callable[[Block], int]] = {  # quantities that the bar in a box can show
    "channels": lambda block: block.layers[-1].node.shape.c if block.layers else 0,
    "params": lambda block: sum(layer.params for layer in block.layers),
    "macs": lambda block: sum(layer.macs for layer in block.layers),
}


@dataclass(eq=False)
class Repeat(Stage):
    """Equal blocks, several times in a row."""

    times: int = 1


def drawn(question: Question, report: Report) -> Answer:
    """The drawing of a report's network, null if nothing can be drawn; `folded` are the folded groups."""
    found = _lowered(report)
    if found.graph is None or found.facts is None:
        return {"drawing": None, "folded": []}
    if (rows := len(groups(found.facts))) > MAX_ROWS:
        note = f"{rows:,} blocks are too many to draw: {MAX_ROWS:,} at most"
        return {"drawing": None, "folded": [], "drawing_note": note}
    whole = diagram(found.graph, found.facts)
    grouped = replace(whole, series=_with_repeats(whole.series))
    folded = _folded(question, grouped)
    picture = _Picture(question, found, _fold(grouped, folded), folded)
    return {"drawing": picture.plain(partial=report.facts is None), "folded": sorted(folded)}


def _lowered(report: Report) -> Report:
    """The report; for a file with errors, with its network up to the first invalid block."""
    if report.facts is not None or report.spec is None:
        return report
    graph = lower(report.spec, [])
    graph.output = next(reversed(graph.nodes), INPUT)
    return replace(report, graph=graph, facts=analyse(graph, []))


# ---- groups ----


def _identity(group: Stage) -> str:
    """An identifier of a group that stays the same while the text is edited: its path, or for a repeat without a path
    its first layer."""
    return group.path or f"repeat:{_layers(group)[0].node.name}"


def _layers(item: Item | Series) -> list[Layer]:
    items = item.items if isinstance(item, Series) else [item]
    return [layer for block in blocks(items) for layer in block.layers]


def _with_repeats(series: Series) -> Series:
    """The series with a group around each run of equal blocks, innermost first."""
    items: list[Item] = []
    for item in series.items:
        if isinstance(item, Stage):
            inner = _with_repeats(item.series)
            only = inner.items[0] if len(inner.items) == 1 else None
            if isinstance(only, Repeat) and not only.path:  # no second frame around the same blocks
                item = replace(only, title=f"{item.title}: {only.title}", path=item.path)
            else:
                item = replace(item, series=inner)
        elif isinstance(item, Fork):
            item = Fork([_with_repeats(column) for column in item.columns], item.centred)
        items.append(item)
    while (grouped := list(_runs(items))) != items:
        items = grouped
    return Series(items)


def _runs(items: Sequence[Item]) -> Iterator[Item]:
    """The items, with each run of equal items as one group."""
    signs = [_sign(item) for item in items]
    following: dict[object, int] = {}
    nearest = [0] * len(items)
    for position in reversed(range(len(items))):
        nearest[position] = following.get(signs[position], 0)
        following[signs[position]] = position
    position = 0
    while position < len(items):
        length = nearest[position] - position
        times = _times(signs, position, length) if nearest[position] else 1
        if times > 1:
            run = list(items[position : position + times * length])
            yield Repeat(f"{times} × {_repeated(run, length)}", Series(run), times=times)
        else:
            yield items[position]
        position += max(1, times * length if times > 1 else 1)


def _times(signs: Sequence[object], start: int, length: int) -> int:
    first, times = signs[start : start + length], 1
    while signs[start + times * length : start + (times + 1) * length] == first:
        times += 1
    return times


def _sign(item: Item) -> object:
    """A key that is equal for corresponding items in two runs of a repeat: the block in the file, and the part of
    it."""
    if isinstance(item, Block):
        if not item.layers:
            return item.title
        node = item.layers[0].node
        path = node.name.rpartition(".")[0] if len(item.layers) > 1 else node.name
        return id(node.place), _last(path)
    if isinstance(item, Repeat):
        return item.times, tuple(map(_sign, item.series.items))
    if isinstance(item, Stage):
        return tuple(map(_sign, item.series.items))
    return tuple(tuple(map(_sign, column.items)) for column in item.columns)


def _last(path: str) -> str:
    """The last step of a path, without the number that distinguishes equal names."""
    return path.rpartition(".")[2].rstrip("0123456789")


def _repeated(run: Sequence[Item], length: int) -> str:
    """A short description of a repeat: the names below the common path of the first two repetitions."""
    once = [layer.node.name.split(".") for item in run[:length] for layer in _layers(item)]
    again = _layers(run[length])[0].node.name.split(".")
    depth = next((n for n, (one, other) in enumerate(zip(once[0], again, strict=False)) if one != other), 0)
    return ", ".join(dict.fromkeys(_last(path[depth]) for path in once))


# ---- folding ----


def _folded(question: Question, grouped: Diagram) -> set[str]:
    """The groups to fold: those requested, else the outermost groups of a large network."""
    known = {_identity(group) for group in stages(grouped.series)}
    if question.given.get("folded") is not None:
        return known & set(question.texts("folded"))
    if sum(1 for _ in blocks(grouped.series.items)) <= UNFOLDED:
        return set()
    return {_identity(item) for item in grouped.series.items if isinstance(item, Stage)}


def _fold(whole: Diagram, folded: Collection[str]) -> Diagram:
    """The diagram with each folded group replaced by a box."""
    stands_for: dict[int, Block] = {}  # by the id of each block that is no longer drawn

    def fold(series: Series) -> Series:
        items: list[Item] = []
        for item in series.items:
            if isinstance(item, Stage) and _identity(item) in folded:
                box = _Box.of(item)
                stands_for.update((id(block), box) for block in blocks(item.series.items))
                items.append(box)
            elif isinstance(item, Stage):
                items.append(replace(item, series=fold(item.series)))
            elif isinstance(item, Fork):
                items.append(Fork([fold(column) for column in item.columns], item.centred))
            else:
                items.append(item)
        return Series(items)

    series = fold(whole.series)
    edges: dict[tuple[int, int], Edge] = {}
    for edge in whole.edges:
        source, target = stands_for.get(id(edge.source), edge.source), stands_for.get(id(edge.target), edge.target)
        if source is not target:
            edges.setdefault((id(source), id(target)), Edge(source, target, edge.value))
    return Diagram(series, tuple(edges.values()), whole.labels)


@dataclass(eq=False)
class _Box(Block):
    """A folded group."""

    group: Stage | None = None

    @classmethod
    def of(cls, group: Stage) -> _Box:
        layers = _layers(group)
        costly = max(blocks(group.series.items), key=lambda block: (WIDTHS["macs"](block), WIDTHS["params"](block)))
        count = sum(1 for _ in blocks(group.series.items))
        words = dict.fromkeys(layer.node.block for layer in layers)
        text = (*words, f"{count} blocks", f"{len(layers)} layers")
        params = sum(layer.params for layer in layers)
        return cls(
            group.title, text, kind([layer.node.op for layer in costly.layers]), params, "", tuple(layers), group
        )


# ---- as data ----


class _Picture:
    """A diagram with its layout, as plain data."""

    def __init__(self, question: Question, report: Report, shown: Diagram, folded: Collection[str]) -> None:
        assert report.facts is not None and report.graph is not None
        name = question.text("widths", "channels")
        if name not in WIDTHS:
            raise Unanswered(f"widths is one of {', '.join(WIDTHS)}")
        self.file = question.buffer.name
        self.graph: Graph = report.graph
        self.shown, self.placed, self.folded = shown, layout(shown), folded
        self.row = {layer.node.name: row for row, group in enumerate(groups(report.facts)) for layer in group}
        self.width = WIDTHS[name]
        self.most = max(map(self.width, blocks(shown.series.items)), default=0) or 1
        self.report = report

    @cached_property
    def written(self) -> dict[tuple[str, int], list[Measure]]:
        return _written(self.report)

    def plain(self, partial: bool) -> Answer:
        placed = self.placed
        return {
            "width": _pixels(placed.width),
            "height": _pixels(placed.height),
            "partial": partial,
            "groups": list(self._groups(self.shown.series, None)),
            "boxes": list(self._boxes(self.shown.series, None, partial)),
            "edges": list(self._edges()),
        }

    def _groups(self, series: Series, parent: str | None) -> Iterator[Answer]:
        """Every drawn group, as a frame or as a box; without the groups inside folded ones."""
        for item in series.items:
            if isinstance(item, _Box) and item.group:
                yield self._group(item.group, parent, item)
            elif isinstance(item, Stage):
                yield self._group(item, parent)
                yield from self._groups(item.series, _identity(item))
            elif isinstance(item, Fork):
                for column in item.columns:
                    yield from self._groups(column, parent)

    def _group(self, group: Stage, parent: str | None, box: Block | None = None) -> Answer:
        layers = _layers(group)
        measure = _measure(group, self.written.get((layers[-1].node.name, len(layers)), []))
        word = measure.word if measure else ""
        times = group.times if isinstance(group, Repeat) else 1
        return {
            "id": _identity(group),
            "title": group.title,
            "kind": "repeat" if not group.path else "stage" if word in ("stage", "") else "definition",
            "times": times,
            **(self._card(box) if box else self._frame(group)),
            "folded": box is not None,
            "line": measure.span.line if measure else 0,
            "parent": parent,
            "rows": self._rows(layers),
        }

    def _boxes(self, series: Series, parent: str | None, partial: bool) -> Iterator[Answer]:
        for item in series.items:
            if isinstance(item, Block):
                yield self._box(item, parent, partial)
            elif isinstance(item, Stage):
                yield from self._boxes(item.series, _identity(item), partial)
            else:
                for column in item.columns:
                    yield from self._boxes(column, parent, partial)

    def _box(self, block: Block, parent: str | None, partial: bool) -> Answer:
        rows = self._rows(block.layers)
        card = self.placed.cards.get(id(block))
        shape = block.layers[-1].node.shape if block.layers else self._end(block)
        cut = partial and block.kind == "end" and block.title != INPUT
        span = block.layers[0].node.span if block.layers else None
        return {
            "id": _name(block),
            "row": rows[0] if len(rows) == 1 else None,
            "rows": rows,
            "group": parent,
            "folded": isinstance(block, _Box),
            "kind": block.kind,
            "title": "…" if cut else card.title if card else block.title,
            "cost": card.cost if card else "",
            "lines": ["cannot be drawn from here on"] if cut else list(card.lines) if card else [],
            "symbol": block.symbol,
            "shape": list(shape.dims),
            "params": WIDTHS["params"](block),
            "macs": WIDTHS["macs"](block),
            "bar": self.width(block) / self.most,
            "line": span.line if span and span.file == self.file else 0,
            **self._card(block),
        }

    def _end(self, block: Block) -> Shape:
        return self.graph.input if block.title == INPUT else self.graph.shape(self.graph.output)

    def _rows(self, layers: Sequence[Layer]) -> list[int]:
        return list(dict.fromkeys(self.row[layer.node.name] for layer in layers))

    def _card(self, block: Block) -> dict[str, float]:
        box, half = self.placed.of(block), self.placed.half(block)
        height = 2 * MERGE if block.symbol else box.height
        return {
            "x": _pixels(box.x - half),
            "y": _pixels(box.y),
            "width": _pixels(2 * half),
            "height": _pixels(height),
        }

    def _frame(self, group: Stage) -> dict[str, float]:
        box = self.placed.of(group)
        return {
            "x": _pixels(box.x - box.left),
            "y": _pixels(box.y),
            "width": _pixels(box.left + box.right),
            "height": _pixels(box.height),
        }

    def _edges(self) -> Iterator[Answer]:
        done: set[str] = set()
        for way in self.placed.ways:
            edge = way.edge
            at = [_pixels(number) for number in beside(edge, self.placed)] if edge.value not in done else None
            done.add(edge.value)
            yield {
                "from": _name(edge.source),
                "to": _name(edge.target),
                "points": [[_pixels(x), _pixels(y)] for x, y in points(way, self.placed)],
                "label": self.shown.labels[edge.value],
                "at": at,
                "skip": way.track is not None,
            }


def _name(block: Block) -> str:
    """An identifier of a box that stays the same while the text is edited."""
    if isinstance(block, _Box) and block.group:
        return f"group:{_identity(block.group)}"
    return block.layers[0].node.name if block.layers else block.title


def _written(report: Report) -> dict[tuple[str, int], list[Measure]]:
    """The blocks in the file, by the last layer and the number of layers of each of their runs; innermost first."""
    found: dict[tuple[str, int], list[Measure]] = {}
    for measure in measures(report).values():
        for end in measure.ends:
            found.setdefault((end.node.name, len(measure.layers) // len(measure.ends)), []).append(measure)
    return found


def _measure(group: Stage, found: Sequence[Measure]) -> Measure | None:
    """The block of a group, if several blocks have the same layers: the one that its path names, or the outermost."""
    if not group.path:
        return next((measure for measure in found if measure.word == "repeat"), None)
    others = [measure for measure in found if measure.word != "repeat"]
    named = (measure for measure in others if measure.word == _last(group.path))
    return next(named, others[-1] if others else None)


def _pixels(number: float) -> float:
    return round(number, 1)
