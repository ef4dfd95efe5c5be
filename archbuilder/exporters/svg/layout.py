"""The layout of a drawing: one column from top to bottom, branches side by side, frames around stages.

Every item has an axis, the vertical line that the values follow, and extends by `left` and `right` from it. Lines that
bypass other items run in tracks at the right of these items; a series is widened by its tracks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archbuilder.exporters.diagram import Block, Diagram, Edge, Fork, Item, Series, Stage, blocks
from archbuilder.exporters.svg.text import NOTE_SIZE, Card, cards, width

GAP = 46.0  # between items: room for an arrow, its label and a line that leaves it
SIDE = 26.0  # between the columns of a fork, and beside a frame
TRACK = 22.0  # between two lines that bypass something
TITLE, BOTTOM = 34.0, 30.0  # inside a frame, above and below its items
MERGE = 13.0  # half of the height of a merge
NEAR = 9.0  # between an item and its label


@dataclass
class Box:
    """An item with its size; x is its axis, y its top."""

    left: float = 0.0
    right: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass
class Way:
    """The path of an edge: straight from its source to the next block, or around others, at x = `track`.

    It leaves its shared line above the item `fork`; None if it leaves its source at the side."""

    edge: Edge
    fork: Item | None = None
    track: float | None = None


@dataclass
class Layout:
    """The boxes by the id of their item, the paths of all edges and the size of the drawing."""

    boxes: dict[int, Box] = field(default_factory=dict)
    cards: dict[int, Card] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def of(self, item: Item | Series) -> Box:
        return self.boxes[id(item)]

    def half(self, block: Block) -> float:
        """Half of the width of a drawn block."""
        return half(block) if block.symbol else self.cards[id(block)].width / 2


def half(merge: Block) -> float:
    return MERGE if len(merge.symbol) == 1 else 28.0


Step = tuple[Series, int]  # a series and the index of an item in it


def layout(drawn: Diagram) -> Layout:
    """The sizes and positions of all items; the origin is (0, 0)."""
    return _Layouter(drawn).layout()


class _Layouter:
    def __init__(self, drawn: Diagram) -> None:
        self.drawn = drawn
        self.result = Layout()
        self.notes: dict[int, float] = {}  # the right end of the label of each block's value
        for edge in drawn.edges:
            self.notes[id(edge.source)] = NEAR + width(drawn.labels[edge.value], NOTE_SIZE)
        self.steps: dict[int, list[Step]] = {}  # the path from the outermost series to each block
        self.before: dict[int, list[Block]] = {}  # the direct predecessors of each block
        self.around: dict[int, list[tuple[int, int, Way]]] = {}  # the edges in the tracks of each series

    def layout(self) -> Layout:
        root = self.drawn.series
        self.result.cards = cards(blocks(root.items))
        self._walk(root, [], [])
        self._route()
        box = self._measure_series(root)
        self._place_series(root, box.left, 0.0)
        self.result.width, self.result.height = box.left + box.right, box.height
        return self.result

    def _walk(self, series: Series, steps: list[Step], before: list[Block]) -> list[Block]:
        """Record the position and the predecessors of every block; return the last blocks of the series."""
        for number, item in enumerate(series.items):
            here = [*steps, (series, number)]
            if isinstance(item, Block):
                self.steps[id(item)] = here
                self.before[id(item)] = before
                before = [item]
            elif isinstance(item, Stage):
                before = self._walk(item.series, here, before)
            else:
                before = [end for column in item.columns for end in self._walk(column, here, before)]
        return before

    def _route(self) -> None:
        """Decide for every edge whether it is straight or bypasses something."""
        straight: dict[str, list[Block]] = {}
        for edge in self.drawn.edges:
            way = Way(edge)
            self.result.ways.append(way)
            if edge.source in self.before[id(edge.target)]:
                straight.setdefault(edge.value, []).append(edge.target)
        for way in self.result.ways:
            edge = way.edge
            if edge.source not in self.before[id(edge.target)]:
                near = straight.get(edge.value, ())
                fork = max(near, key=lambda block: self._together(block, edge.target), default=None)
                self._go_around(way, fork)

    def _go_around(self, way: Way, fork: Block | None) -> None:
        """Assign an edge a track in the innermost series that contains both of its ends."""
        first, last = fork or way.edge.source, way.edge.target
        depth = self._together(first, last)
        series, start = self.steps[id(first)][depth]
        way.fork = series.items[start] if fork else None
        self.around.setdefault(id(series), []).append((start, self.steps[id(last)][depth][1], way))

    def _together(self, one: Block, other: Block) -> int:
        """The depth of the innermost series that contains both blocks."""
        shared = zip(self.steps[id(one)], self.steps[id(other)], strict=False)
        return max(depth for depth, (a, b) in enumerate(shared) if a[0] is b[0])

    # ---- sizes ----

    def _measure(self, item: Item) -> Box:
        if isinstance(item, Block):
            box = self._measure_block(item)
        elif isinstance(item, Stage):
            inner = self._measure_series(item.series)
            box = Box(inner.left + SIDE, inner.right + SIDE, inner.height + TITLE + BOTTOM)
        else:
            box = self._measure_fork(item)
        self.result.boxes[id(item)] = box
        return box

    def _measure_block(self, block: Block) -> Box:
        note = self.notes.get(id(block), 0.0)
        if block.symbol:
            name = NEAR + width(block.title, NOTE_SIZE)
            return Box(max(half(block), name), max(half(block), note), 2 * MERGE)
        made = self.result.cards[id(block)]
        return Box(made.width / 2, max(made.width / 2, note), made.height)

    def _measure_fork(self, fork: Fork) -> Box:
        boxes = [self._measure_series(column) for column in fork.columns]
        axis = 0.0
        for before, box in zip([None, *boxes], boxes, strict=False):
            axis += before.right + SIDE + box.left if before else 0.0
            box.x = axis  # relative to the axis of the first column at this point
        shift = (boxes[0].x + boxes[-1].x) / 2 if fork.centred else 0.0
        for box in boxes:
            box.x -= shift
        left, right = max(box.left - box.x for box in boxes), max(box.right + box.x for box in boxes)
        return Box(left, right, max(box.height for box in boxes))

    def _measure_series(self, series: Series) -> Box:
        boxes = [self._measure(item) for item in series.items]
        rights = [box.right for box in boxes]
        ways = sorted(self.around.get(id(series), ()), key=lambda way: (way[1] - way[0], way[0]))
        for start, end, way in ways:
            passed = range(start, end + (series.items[end] is not way.edge.target))
            way.track = max(rights[number] for number in passed) + TRACK
            for number in passed:
                rights[number] = way.track
        height = sum(box.height for box in boxes) + GAP * (len(boxes) - 1)
        box = Box(max(box.left for box in boxes), max(rights), height)
        self.result.boxes[id(series)] = box
        return box

    # ---- places ----

    def _place_series(self, series: Series, x: float, y: float) -> None:
        box = self.result.of(series)
        box.x, box.y = x, y
        for item in series.items:
            self._place(item, x, y)
            y += self.result.of(item).height + GAP
        for _, _, way in self.around.get(id(series), ()):
            assert way.track is not None
            way.track += x

    def _place(self, item: Item, x: float, y: float) -> None:
        box = self.result.of(item)
        box.x, box.y = x, y
        if isinstance(item, Stage):
            self._place_series(item.series, x, y + TITLE)
        elif isinstance(item, Fork):
            for column in item.columns:
                self._place_series(column, x + self.result.of(column).x, y)
