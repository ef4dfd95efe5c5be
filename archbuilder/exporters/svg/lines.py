"""The lines of a drawing: straight down, into and out of branches, and around skipped blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from archbuilder.exporters.diagram import Diagram, Edge
from archbuilder.exporters.svg.layout import NEAR, Layout, Way

TURN = 14.0  # radius of a corner
LEAVE = 15.0  # distance above a block at which lines separate
HEAD = 7.0  # length of an arrow's head

Point = tuple[float, float]


def arrows(placed: Layout) -> Iterator[str]:
    """Every edge as an arrow."""
    for way in placed.ways:
        corners = points(way, placed)
        yield f'<path class="line" d="{_rounded(corners)}"/>'
        yield _head(corners)


def notes(drawn: Diagram, placed: Layout) -> Iterator[str]:
    """The label of every value, where its edge leaves the block."""
    done = set()
    for way in placed.ways:
        edge = way.edge
        if edge.value in done:
            continue
        done.add(edge.value)
        x, y = beside(edge, placed)
        yield f'<text class="note" x="{x:.1f}" y="{y:.1f}">{escape(drawn.labels[edge.value])}</text>'


def beside(edge: Edge, placed: Layout) -> Point:
    """The position at which the label of an edge begins."""
    box = placed.of(edge.source)
    return box.x + NEAR, box.bottom + 17


def points(way: Way, placed: Layout) -> list[Point]:
    """The corners of a line, from its source to its target."""
    source, target = placed.of(way.edge.source), placed.of(way.edge.target)
    if way.track is None:
        return _down(way, placed)
    half = placed.half(way.edge.target)
    end = (target.x + half, target.middle)
    if way.fork is None:
        start = (source.x + placed.half(way.edge.source), source.middle)
        return [start, (way.track, source.middle), (way.track, target.middle), end]
    y = placed.of(way.fork).y - LEAVE
    return [(source.x, y), (way.track, y), (way.track, target.middle), end]


def _down(way: Way, placed: Layout) -> list[Point]:
    """From a block to the next one, with a horizontal part if their columns differ."""
    source, target = placed.of(way.edge.source), placed.of(way.edge.target)
    if abs(source.x - target.x) < 0.5:
        return [(source.x, source.bottom), (target.x, target.y)]
    if way.edge.target.symbol:  # into a merge from the side
        side = placed.half(way.edge.target) * (1 if source.x > target.x else -1)
        return [(source.x, source.bottom), (source.x, target.middle), (target.x + side, target.middle)]
    y = target.y - LEAVE
    return [(source.x, source.bottom), (source.x, y), (target.x, y), (target.x, target.y)]


def _rounded(points: Sequence[Point]) -> str:
    """A path through points with rounded corners."""
    parts = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(TURN, _length(before, corner) / 2, _length(corner, after) / 2)
        parts.append(f"L{_at(_towards(corner, before, radius))}Q{_at(corner)} {_at(_towards(corner, after, radius))}")
    return "".join([*parts, f"L{_at(points[-1])}"])


def _head(points: Sequence[Point]) -> str:
    """A triangle that ends in the last point."""
    (x0, y0), (x, y) = points[-2:]
    length = _length((x0, y0), (x, y)) or 1.0
    dx, dy = (x - x0) / length * HEAD, (y - y0) / length * HEAD
    corners = [(x, y), (x - dx - dy / 2, y - dy + dx / 2), (x - dx + dy / 2, y - dy - dx / 2)]
    return f'<path class="arrow" d="M{"L".join(map(_at, corners))}Z"/>'


def _towards(start: Point, end: Point, distance: float) -> Point:
    share = distance / (_length(start, end) or 1.0)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _length(start: Point, end: Point) -> float:
    return abs(end[0] - start[0]) + abs(end[1] - start[1])


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
