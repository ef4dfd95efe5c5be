"""The drawings of a log."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from PIL import Image

from archbuilder.evidence.curves import ACCURACY, _overlay, curves, overlaid, overlaid_picture, panels
from archbuilder.run.result import Record


def log(epochs: int, validation: bool = False) -> list[Record]:
    made = []
    for epoch in range(1, epochs + 1):
        record: Record = {"epoch": epoch, "train_loss": 2 / epoch, "train_accuracy": 50.0 + epoch, "lr": 0.1 / epoch}
        if validation:
            record |= {"validation_loss": 2.1 / epoch, "validation_accuracy": 49.0 + epoch}
        if not validation or epoch == epochs:
            record |= {"test_loss": 2.2 / epoch, "test_accuracy": 48.0 + epoch}
        made.append(record)
    return made


@pytest.mark.parametrize("epochs", [1, 2, 30])
@pytest.mark.parametrize("validation", [False, True])
def test_every_log_can_be_drawn(epochs: int, validation: bool):
    metrics = log(epochs, validation)
    with Image.open(io.BytesIO(curves(metrics, "a $ name_"))) as picture:
        assert picture.width > 1500
    drawn = panels(metrics)
    assert len(drawn) == 3 and all(ET.fromstring(svg).tag.endswith("svg") for svg in drawn)


def test_the_same_log_gives_the_same_file():
    assert panels(log(3)) == panels(log(3)) and curves(log(3), "t") == curves(log(3), "t")


@pytest.mark.parametrize("count", [2, 12, 13, 50])
def test_names_at_the_ends_of_lines_do_not_overlap(count: int):
    """Of fifty runs the best twelve are named; the lines of the others are pale."""
    from matplotlib.figure import Figure

    runs = {f"width={number}": log(3, validation=False) for number in range(count)}
    for number, metrics in enumerate(runs.values()):
        metrics[-1] = {**metrics[-1], "test_accuracy": 50 + number / 10}
    figure = Figure(figsize=(9, 4.6), dpi=120)
    axes = figure.subplots()
    _overlay(axes, runs, ACCURACY.label, ACCURACY, "test_accuracy")
    figure.canvas.draw()
    boxes = sorted((text.get_window_extent().y0, text.get_window_extent().y1) for text in axes.texts)
    assert len(boxes) == min(count, 12) and len(axes.lines) == count
    assert all(above[0] >= below[1] - 1 for below, above in pairwise(boxes))
    panel = axes.get_window_extent()
    assert boxes[0][0] > panel.y0 - 12 and boxes[-1][1] < panel.y1 + 12
    shown = {text.get_text().partition(" ")[0] for text in axes.texts}
    assert shown == {f"width={number}" for number in range(count)[-12:]}


def test_runs_are_laid_over_each_other_where_all_have_values():
    runs = {"$one": log(3), "two_": log(5)}
    names = [label for label, _ in overlaid(runs)]
    assert names[:2] == ["test accuracy (%)", "test loss"] and len(names) == 5
    assert len(overlaid({**runs, "three": log(2, validation=True)})) == 5
    assert not any("validation" in label for label in names)
    with Image.open(io.BytesIO(overlaid_picture(runs))) as picture:
        assert picture.height > picture.width
