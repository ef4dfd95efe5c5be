"""What a terminal shows; plain lines are held in test_run."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import pytest

from archbuilder.evidence.curves import curves
from archbuilder.run.progress import Bar, Progress, closing, line, progress
from archbuilder.run.result import Score

RECORD = {
    "epoch": 2,
    "train_loss": 1.25,
    "train_accuracy": 50.0,
    "test_loss": 1.5,
    "test_accuracy": 40.0,
    "lr": 0.1,
    "seconds": 12.34,
    "images_per_second": 1234.5,
    "waiting": 0.072,
}


def test_a_line_has_all_of_an_epoch():
    accuracies = "epoch  2/10  train  50.00 % (loss 1.2500)  test  40.00 % (loss 1.5000)"
    assert line(RECORD, 10) == f"{accuracies}  lr 0.1  12.3 s  1,234 images/s  waiting for data 7%"


def test_flip_averaging_is_said_whatever_it_gives():
    assert "apart:  0.00 %" in closing([{**RECORD, "flip_averaged_test_accuracy": 0.0}], 100)
    assert "apart:" not in closing([RECORD], 100)


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys):
    assert type(progress(2, 0, 100)) is Progress  # what pytest captures is no terminal
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    bar = progress(2, 1, 100)
    assert isinstance(bar, Bar)
    bar.update(2, Score(loss=1.234, accuracy=56.78, images=50))
    bar.epoch(RECORD)
    bar.close()
    shown = capsys.readouterr().out
    assert re.search(r"epoch 2/2 +75%\|.*\| .* images/s, .* left, loss 1\.234, accuracy 56\.8 %", shown)
    assert "100%" in shown
    assert line(RECORD, 2) in shown


def test_a_notebook_gets_a_bar_where_it_has_bars(monkeypatch: pytest.MonkeyPatch):
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    has_widgets: list[object] = [None]
    monkeypatch.setattr("archbuilder.run.progress.find_spec", lambda name: has_widgets[0])
    assert type(progress(2, 0, 100)) is Progress
    has_widgets[0] = "a module"
    monkeypatch.setattr("archbuilder.run.progress.Bar", lambda *given: "the notebook's own bar")
    assert progress(2, 0, 100) == "the notebook's own bar"
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))  # imported by a script
    assert type(progress(2, 0, 100)) is Progress


def test_a_process_that_does_not_speak_shows_nothing(capsys):
    silent = progress(2, 0, 100, quiet=True)
    silent.epoch(RECORD)
    silent.close()
    assert capsys.readouterr().out == ""


def test_curves_take_any_number_of_epochs():
    for epochs in (1, 2, 300):
        metrics = [{**RECORD, "epoch": epoch} for epoch in range(1, epochs + 1)]
        assert curves(metrics, "a network").startswith(b"\x89PNG")
