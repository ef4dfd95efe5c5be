"""A drawing of the receptive field of the middle unit: on the image, layer by layer, and as measured."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archbuilder.analysis.coverage import middle_unit, views
from archbuilder.analysis.derivation import Step, derive
from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import INPUT
from archbuilder.ir.op import by
from archbuilder.ir.reach import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_ROWS = 60  # largest number of layers drawn: the last ones
AROUND = 1.0  # largest margin around the image, relative to its side

INK, PALE, IMAGE, LIMIT = "#22303c", "#5b6b7b", "#eef1f4", "#d1495b"


@dataclass(frozen=True)
class Measured:
    """A measured field: rows of pixels with maximum 1, the levels of two contours in descending order, a
    description."""

    heat: Sequence[Sequence[float]]
    levels: tuple[float, float]
    words: str


@dataclass(frozen=True)
class Field:
    """The field of the middle unit of a layer, in pixels: first and last row, first and last column."""

    name: str
    size: str
    rows: tuple[float, float]
    columns: tuple[float, float]
    least_rows: tuple[float, float]
    least_columns: tuple[float, float]


def draw(facts: Facts, title: str, measured: Measured | None) -> bytes:
    """A PNG.  Raises ImportError without matplotlib."""
    from matplotlib import colormaps

    fields = _fields(facts)
    colours = [colormaps["viridis_r"](0.1 + 0.8 * i / max(1, len(fields) - 1)) for i in range(len(fields))]
    side = (facts.graph.input.h, facts.graph.input.w)
    figure, panels = _panels(len(fields), measured is not None, _oblong(fields, side))
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    _on_the_image(panels["image"], fields, colours, side)
    _ladder(panels["columns"], fields, colours, side[1], rows=False, named=True)
    if "rows" in panels:
        _ladder(panels["rows"], fields, colours, side[0], rows=True, named=False)
    if measured:
        _heat(panels["heat"], measured, fields[-1], side)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _fields(facts: Facts) -> list[Field]:
    """The layers up to the global pool at which the field changes, the image before them."""
    derivation, x = derive(facts), facts.graph.input
    pixel = ((x.h - 1) // 2, (x.w - 1) // 2)
    found = [Field(INPUT, "1", *(((p, p)) for p in (*pixel, *pixel)))]
    before = {INPUT: (1, 1)}
    for step in derivation.steps:
        before[step.name] = step.reach.size
        if step.window is None or any(before[source] != step.reach.size for source in step.sources):
            found.append(_field(step, x.h, x.w))
        if step.name == derivation.last:
            break
    return found[-MOST_ROWS:]


def _field(step: Step, height: int, width: int) -> Field:
    (rows, least_rows), (columns, least_columns) = (
        _ends(axis, side, units)
        for axis, side, units in zip(
            (step.reach.h, step.reach.w), (height, width), (step.after.h, step.after.w), strict=True
        )
    )
    return Field(step.name, by(step.reach.size), rows, columns, least_rows, least_columns)


def _ends(axis: Axis, side: int, units: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """First and last pixel of the middle unit, and the same by the shortest path."""
    unit = middle_unit(axis, side, units)
    centre, half = axis.centre(unit), (float(axis.least) - 1) / 2
    return (float(axis.stride * unit + axis.lo), float(axis.stride * unit + axis.hi)), (centre - half, centre + half)


def _oblong(fields: Sequence[Field], side: tuple[int, int]) -> bool:
    return side[0] != side[1] or any(field.rows != field.columns for field in fields)


def _panels(rows: int, measured: bool, oblong: bool) -> tuple[Figure, dict[str, Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = ["columns", "rows"] if oblong else ["columns"]
    mosaic: Any = [["image", *names], ["heat", *names]] if measured else [["image", *names]]
    height = max(9.0 if measured else 5.4, 1.6 + 0.24 * rows)
    figure = Figure(figsize=(11.5 + 3 * oblong, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # independent of the user's backend: there may be no screen
    widths = [1.0, *[1.1 if oblong else 1.5] * len(names)]
    panels: Any = figure.subplot_mosaic(mosaic, width_ratios=widths)
    return figure, panels


def _window_of(side: int, ends: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The visible range of an axis: the image and all fields, within bounds."""
    first, last = min(end[0] for end in ends), max(end[1] for end in ends)
    margin = 0.04 * side + 1
    return max(min(first, 0) - margin, -AROUND * side), min(max(last, side - 1) + margin, (1 + AROUND) * side)


def _frame(axes: Axes) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8, colors=PALE)


def _on_the_image(axes: Axes, fields: Sequence[Field], colours: Sequence[Any], side: tuple[int, int]) -> None:
    from matplotlib.patches import Rectangle

    height, width = side
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, facecolor=IMAGE, edgecolor="none", zorder=1))
    if max(side) <= 64:
        axes.vlines([x - 0.5 for x in range(1, width)], -0.5, height - 0.5, color="white", linewidth=0.7, zorder=2)
        axes.hlines([y - 0.5 for y in range(1, height)], -0.5, width - 0.5, color="white", linewidth=0.7, zorder=2)
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, facecolor="none", edgecolor=INK, linewidth=1.2, zorder=3))
    for field, colour in zip(fields, colours, strict=True):
        axes.add_patch(_box(field.rows, field.columns, edgecolor=colour, linewidth=1.6, facecolor="none", zorder=3))
    axes.add_patch(
        _box(fields[-1].rows, fields[-1].columns, edgecolor=colours[-1], linewidth=3, facecolor="none", zorder=4)
    )
    axes.set_xlim(*_window_of(width, [field.columns for field in fields]))
    axes.set_ylim(*reversed(_window_of(height, [field.rows for field in fields])))
    axes.set_aspect("equal")
    outside = sum(field.columns[0] < -AROUND * width or field.rows[0] < -AROUND * height for field in fields)
    more = f"; {outside} larger fields are outside" if outside else ""
    axes.set_title(
        f"receptive field of the middle unit of each layer\n(grey: the image; around it: padding{more})", **_TITLE
    )
    _frame(axes)


_TITLE: dict[str, Any] = {"fontsize": 10, "loc": "left", "color": INK}


def _box(rows: tuple[float, float], columns: tuple[float, float], **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    corner = (columns[0] - 0.5, rows[0] - 0.5)
    return Rectangle(corner, columns[1] - columns[0] + 1, rows[1] - rows[0] + 1, **style)


def _ladder(axes: Axes, fields: Sequence[Field], colours: Sequence[Any], side: int, rows: bool, named: bool) -> None:
    """A bar per layer along one axis of the image; inside it, darker, the shortest path."""
    spans = [field.rows if rows else field.columns for field in fields]
    least = [field.least_rows if rows else field.least_columns for field in fields]
    low, high = _window_of(side, spans)
    axes.axvspan(-0.5, side - 0.5, color=IMAGE, zorder=0)
    for y, (span, short, colour) in enumerate(zip(spans, least, colours, strict=True)):
        axes.barh(
            y, span[1] - span[0] + 1, left=span[0] - 0.5, height=0.62, color=colour, alpha=0.45 if short != span else 1
        )
        if short != span:
            axes.barh(y, short[1] - short[0] + 1, left=short[0] - 0.5, height=0.62, color=colour)
        size, shortest = span[1] - span[0] + 1, short[1] - short[0] + 1
        words = f"{size:g}" if size == shortest else f"{shortest:g}-{size:g}"
        axes.text(high + 0.01 * (high - low), y, words, va="center", fontsize=8, color=INK)
    axes.set_xlim(low, high)
    axes.set_ylim(len(fields) - 0.4, -0.6)
    axes.set_yticks(range(len(fields)), [field.name for field in fields] if named else [""] * len(fields))
    word = "rows" if rows else "columns"
    paths = "; dark: by the shortest path" if least != spans else ""
    axes.set_title(f"{word} in the field, and their number\n(grey: the image{paths})", **_TITLE)
    _frame(axes)


def _heat(axes: Axes, measured: Measured, last: Field, side: tuple[int, int]) -> None:
    axes.imshow(measured.heat, cmap="magma", vmin=0, vmax=1, zorder=1)
    if min(side) > 1 and measured.levels[0] > measured.levels[1]:  # otherwise there is no contour
        axes.contour(measured.heat, levels=measured.levels[::-1], colors="white", linewidths=(0.8, 1.6), zorder=2)
    axes.add_patch(_box(last.rows, last.columns, edgecolor=LIMIT, linewidth=1.5, facecolor="none", zorder=3))
    axes.set_xlim(-0.5, side[1] - 0.5)
    axes.set_ylim(side[0] - 0.5, -0.5)
    axes.set_title(f"measured: where its gradient comes from\n({measured.words})", **_TITLE)
    _frame(axes)


def measured_field(facts: Facts) -> Measured:
    """The field of the middle unit of the map before the global pool.  Raises ImportError without torch."""
    from archbuilder.modules.effective_field import effective_field, level, side

    h, w = views(facts)
    heat = effective_field(facts.graph, facts.value, (h.unit, w.unit))
    (half, half_part), (most, most_part) = level(heat, 0.5), level(heat, 0.95)
    parts = f"half of it: {100 * half_part:.0f} % of the image, 95 % of it: {100 * most_part:.0f} %"
    return Measured(heat, (half, most), f"{parts};\neffective side: {side(heat):.0f} pixels")
