"""Loss and accuracy over the epochs, as a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archbuilder.training.result import Record, best_of, chosen_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"train": "#5b6b7b", "validation": "#0b7a75", "test": "#d1495b"}  # told apart by the colour-blind too


def curves(metrics: Sequence[Record], title: str) -> bytes:
    """A PNG of two panels, loss and accuracy: one line per split, its name and last value at its end."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(10, 4.2), dpi=120, layout=ConstrainedLayoutEngine(wspace=0.06))
    FigureCanvasAgg(figure)  # never the user's own backend: there may be no screen
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    loss, accuracy = figure.subplots(1, 2)
    _panel(loss, metrics, "loss", "cross-entropy loss", "{:.3f}")
    _panel(accuracy, metrics, "accuracy", "accuracy (%)", "{:.2f} %")
    _mark_best(accuracy, metrics)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _panel(axes: Axes, metrics: Sequence[Record], quantity: str, label: str, form: str) -> None:
    from matplotlib.ticker import MaxNLocator

    ends: list[tuple[float, str, str]] = []
    for split, colour in COLOURS.items():
        points = [(r["epoch"], r[f"{split}_{quantity}"]) for r in metrics if f"{split}_{quantity}" in r]
        if not points:
            continue
        epochs, values = zip(*points, strict=True)
        axes.plot(epochs, values, color=colour, linewidth=1.8, marker="o" if len(points) <= 12 else "", markersize=4)
        ends.append((values[-1], f"{split} {form.format(values[-1])}", colour))
    first, last = metrics[0]["epoch"], metrics[-1]["epoch"]
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    margin = 0.03 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, color="#e5e5e5", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    _name_ends(axes, ends, last)


def _name_ends(axes: Axes, ends: list[tuple[float, str, str]], last: int) -> None:
    """Each line's name beside its end; names that would overlap are moved apart around their middle."""
    low, high = axes.get_ylim()
    gap = 0.065 * (high - low)
    heights: list[float] = []
    for value, _, _ in sorted(ends):
        heights.append(max(value, heights[-1] + gap) if heights else value)
    moved = (sum(heights) - sum(value for value, _, _ in ends)) / len(ends)
    for height, (_, text, colour) in zip(heights, sorted(ends), strict=True):
        axes.annotate(
            text,
            (last, height - moved),
            xytext=(10, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )


def _mark_best(axes: Axes, metrics: Sequence[Record]) -> None:
    best = best_of(metrics)
    split = chosen_on(best)
    point = (best["epoch"], best[f"{split}_accuracy"])
    axes.plot(*point, marker="o", markersize=9, fillstyle="none", color=COLOURS[split])
    text = f"best {split}: {point[1]:.2f} % (epoch {point[0]})"
    axes.set_title(text, loc="right", fontsize=9, color=COLOURS[split])
