"""The curves that grow in a cell of a notebook."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from archbuilder.evidence.curves import panels
from archbuilder.evidence.notebook import Curves, Grower, growing
from tests.evidence.test_curves import log


def drawn(html: str) -> list[str]:
    """The drawings in what a cell shows."""
    found = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)"', html)
    return [base64.b64decode(each).decode() for each in found]


class Cell:
    """What a cell shows, by the two calls that a display takes: once anew, then in the same place."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display(self, value: Any, display_id: bool) -> Cell:
        assert display_id and not self.shown
        self.update(value)
        return self

    def update(self, value: Any) -> None:
        self.shown.append(value._repr_html_())


def test_a_cell_shows_the_curves_of_the_report():
    assert drawn(Curves(log(3))._repr_html_()) == list(panels(log(3)))


def test_they_grow_in_one_place_and_leave_the_time_to_training(monkeypatch: pytest.MonkeyPatch):
    cell, clock = Cell(), iter([0.0, 1.0, 5.0, 10.5, 11.5, 12.0, 13.0])  # a drawing takes a second
    monkeypatch.setattr("archbuilder.evidence.notebook.perf_counter", lambda: next(clock))
    monkeypatch.setattr("archbuilder.evidence.notebook.panels", lambda metrics: [f"{len(metrics)} epochs"])
    grow = Grower(4, cell.display)
    for epochs in range(1, 5):  # the second comes too early, the last one never does
        grow(log(epochs))
    assert [drawn(html) for html in cell.shown] == [["1 epochs"], ["3 epochs"], ["4 epochs"]]


def test_a_display_that_fails_is_done_without(capsys):
    def broken(value: Any, display_id: bool) -> None:
        raise RuntimeError("no cell")

    grow = Grower(3, broken)
    for epochs in range(1, 3):
        grow(log(epochs))
    assert capsys.readouterr().out == "warning: the curves could not be drawn (RuntimeError: no cell)\n"


def test_outside_a_notebook_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("archbuilder.evidence.notebook.panels", lambda metrics: pytest.fail("it is drawn"))
    growing(3)(log(1))
