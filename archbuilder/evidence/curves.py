"""Loss, accuracy and learning rate over the epochs: one run with its splits, or several runs in one drawing."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archbuilder.run.result import Record, best_of, chosen_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"train": "#5b6b7b", "validation": "#0b7a75", "test": "#d1495b"}  # colour-blind readers can tell them apart
RATE = "#3d5a80"
OTHERS, MOST_NAMES = "#d0d5da", 12  # the most names beside the ends of lines that can still be read
RUNS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6b7b", "#000000")  # Okabe and Ito 2008


@dataclass(frozen=True)
class Panel:
    """What one set of axes shows: a key of the records, and how its values are written."""

    key: str
    label: str
    form: str


LOSS = Panel("loss", "loss", "{:.3f}")
ACCURACY = Panel("accuracy", "accuracy (%)", "{:.2f} %")
LEARNING_RATE = Panel("lr", "learning rate, last batch of an epoch", "{:.2g}")
PANELS = (LOSS, ACCURACY, LEARNING_RATE)


@dataclass(frozen=True)
class Line:
    """One line of a panel: (epoch, value) of every epoch that has one."""

    name: str
    points: tuple[tuple[int, float], ...]
    colour: str


def curves(metrics: Sequence[Record], title: str) -> bytes:
    """A PNG of three panels: one line per split, its name and last value at its end."""
    figure = _figure(14, 4.2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", parse_math=False)
    for axes, panel in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        _draw(axes, panel, metrics)
    return _saved(figure, "png")


def panels(metrics: Sequence[Record]) -> tuple[str, ...]:
    """The panels of `curves`, each as an SVG of its own, so that a page can put them where there is room."""
    drawn = []
    for panel in PANELS:
        figure = _figure(5.6, 3.8)
        _draw(figure.subplots(), panel, metrics)
        drawn.append(_saved(figure, "svg").decode())
    return tuple(drawn)


Together = Mapping[str, Sequence[Record]]  # runs by their names


def overlaid(runs: Together) -> tuple[tuple[str, str], ...]:
    """What several runs have in common, as (what it is, an SVG with a line per run)."""
    drawn = []
    for label, panel, key in _common(runs):
        figure = _figure(9, 4.6)
        _overlay(figure.subplots(), runs, label, panel, key)
        drawn.append((label, _saved(figure, "svg").decode()))
    return tuple(drawn)


def overlaid_picture(runs: Together) -> bytes:
    """The same as one PNG, its panels below each other."""
    shown = _common(runs)
    figure = _figure(9, 4.4 * len(shown))
    for axes, (label, panel, key) in zip(figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
        _overlay(axes, runs, label, panel, key)
    return _saved(figure, "png")


def _common(runs: Together) -> list[tuple[str, Panel, str]]:
    """The panels for which every run has values: label, panel, key of the records."""
    splits = [(split, panel) for split in ("test", "validation", "train") for panel in (ACCURACY, LOSS)]
    wanted = [(f"{split} {panel.label}", panel, f"{split}_{panel.key}") for split, panel in splits]
    wanted.append((LEARNING_RATE.label, LEARNING_RATE, LEARNING_RATE.key))
    return [shown for shown in wanted if all(_points(metrics, shown[2]) for metrics in runs.values())]


def _overlay(axes: Axes, runs: Together, label: str, panel: Panel, key: str) -> None:
    """A line per run.  Where there are too many to name, the best alone have names and colours, on top."""
    lines = {name: _points(metrics, key) for name, metrics in runs.items()}
    best = sorted(lines, key=lambda name: lines[name][-1][1], reverse=panel is not LOSS)[:MOST_NAMES]
    named = [name for name in lines if len(lines) <= MOST_NAMES or name in best]
    others = [Line("", points, OTHERS) for name, points in lines.items() if name not in named]
    coloured = [Line(name, lines[name], RUNS[number % len(RUNS)]) for number, name in enumerate(named)]
    _lines(axes, panel, [*others, *coloured], label)
    if others:
        axes.set_title(f"the best {len(named)} of {len(lines)} runs have their names", loc="right", fontsize=9)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), dpi=120, layout=ConstrainedLayoutEngine(wspace=0.06))
    FigureCanvasAgg(figure)  # never the user's own backend: there may be no screen
    return figure


def _saved(figure: Figure, form: str) -> bytes:
    """The file's content; an SVG names its parts by a fixed salt, so that equal runs give equal files."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "archbuilder"}):
        figure.savefig(buffer, format=form, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()


def _draw(axes: Axes, panel: Panel, metrics: Sequence[Record]) -> None:
    """One run in one panel."""
    if panel is LEARNING_RATE:
        _lines(axes, panel, [Line("", _points(metrics, "lr"), RATE)], panel.label)
        axes.set_ylim(bottom=0)
        return
    splits = [Line(split, _points(metrics, f"{split}_{panel.key}"), colour) for split, colour in COLOURS.items()]
    _lines(axes, panel, [line for line in splits if line.points], panel.label)
    if panel is ACCURACY:
        _mark_best(axes, metrics)


def _points(metrics: Sequence[Record], key: str) -> tuple[tuple[int, float], ...]:
    return tuple((record["epoch"], record[key]) for record in metrics if record.get(key) is not None)


def _lines(axes: Axes, panel: Panel, lines: Sequence[Line], label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for line in lines:
        epochs, values = zip(*line.points, strict=True)
        few = len(line.points) <= 12
        axes.plot(epochs, values, color=line.colour, linewidth=1.8, marker="o" if few else "", markersize=4)
    shown = [epoch for line in lines for epoch, _ in line.points] or [0]
    margin = 0.03 * (max(shown) - min(shown)) or 0.5
    axes.set_xlim(min(shown) - margin, max(shown) + margin)
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, color="#e5e5e5", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    _name_ends(axes, panel, lines)


def _name_ends(axes: Axes, panel: Panel, lines: Sequence[Line]) -> None:
    """Each line's name beside its end; names that would overlap are moved apart around their middle, in the panel."""
    if not lines:
        return
    low, high = axes.get_ylim()
    gap = 0.065 * (high - low)
    lines = [line for line in lines if line.name or len(lines) == 1]
    ends = sorted(lines, key=lambda line: line.points[-1][1])
    heights: list[float] = []
    for line in ends:
        value = line.points[-1][1]
        heights.append(max(value, heights[-1] + gap) if heights else value)
    moved = (sum(heights) - sum(line.points[-1][1] for line in ends)) / len(ends)
    moved = max(min(moved, heights[0] - low), heights[-1] - high)
    right = max(line.points[-1][0] for line in lines)
    for height, line in zip(heights, ends, strict=True):
        axes.annotate(
            f"{line.name} {panel.form.format(line.points[-1][1])}".lstrip(),
            (right, height - moved),
            xytext=(10, 0),
            textcoords="offset points",
            color=line.colour,
            va="center",
            annotation_clip=False,
            parse_math=False,  # a run may have a $ in its name
        )


def _mark_best(axes: Axes, metrics: Sequence[Record]) -> None:
    best = best_of(metrics)
    split = chosen_on(best)
    point = (best["epoch"], best[f"{split}_accuracy"])
    axes.plot(*point, marker="o", markersize=9, fillstyle="none", color=COLOURS[split])
    text = f"best {split}: {point[1]:.2f} % (epoch {point[0]})"
    axes.set_title(text, loc="right", fontsize=9, color=COLOURS[split])
