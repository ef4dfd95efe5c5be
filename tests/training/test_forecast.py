"""How long a run will take, and that other processes hold the cores: said once, after the first batches."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from archbuilder.training import forecast
from archbuilder.training.forecast import Forecast, Moment, words
from tests.training.conftest import Train

STATED = os.path.exists("/proc/thread-self/schedstat")


def trainer(epochs: int = 10, validation: int | None = None, done: int = 0, **recipe: Any) -> Any:
    """The part of a trainer that a forecast needs, with 1,000 training and 300 test images."""
    train = SimpleNamespace(epochs=epochs, tta=recipe.get("tta"), resolution=recipe.get("resolution", ()))
    plan = SimpleNamespace(
        train=train, data=SimpleNamespace(workers=0), graph=SimpleNamespace(input=SimpleNamespace(h=32))
    )
    splits = SimpleNamespace(
        train=range(1000), test=range(300), validation=None if validation is None else range(validation)
    )
    alone = SimpleNamespace(count=1)
    return SimpleNamespace(plan=plan, splits=splits, done=done, processes=alone, device=torch.device("cpu"))


def left(of: Any, epoch: int = 1, images: tuple[int, int] = (100, 300), seconds: float = 2.0) -> float:
    moments = [Moment(epoch, count, at, 0.0, 0.0) for count, at in zip(images, (5.0, 5.0 + seconds), strict=True)]
    return Forecast(of, print)._left(*moments)


# 100 images a second in training, 300 in evaluation
@pytest.mark.parametrize(
    ("of", "epoch", "seconds"),
    [
        (trainer(epochs=1), 1, 7 + 1),
        (trainer(epochs=10), 1, 97 + 10),  # an epoch ends with the 300 test images
        (trainer(epochs=10, done=7), 8, 27 + 3),
        (trainer(epochs=10, validation=600), 1, 97 + 20 + 1),
        (trainer(epochs=1, tta="flip"), 1, 7 + 1 + 2),
    ],
)
def test_what_is_left_of_a_run(of: Any, epoch: int, seconds: float):
    assert left(of, epoch) == pytest.approx(seconds)


def test_smaller_images_cost_less():
    of = trainer(epochs=3, resolution=((1, 16), (3, 32)))  # a quarter of the pixels in the first two epochs
    assert left(of) == pytest.approx(7 + 10 + 40 + 3 * 4)


@pytest.mark.parametrize(
    ("seconds", "epochs", "said"),
    [
        (12.6, 1, "time: about 15 s for 1 epoch, until 23:00"),
        (58, 3, "time: about 1 min for 3 epochs, until 23:00"),
        (55 * 60, 3, "time: about 55 min for 3 epochs, until 23:55"),
        (3_590, 3, "time: about 1 h for 3 epochs, until 23:59"),
        (7_700, 15, "time: about 2 h 10 min for 15 epochs, until 2026-11-29 01:08"),
    ],
)
def test_words(seconds: float, epochs: int, said: str):
    assert words(seconds, epochs, datetime(2026, 11, 28, 23, 0, 0)) == said and len(said) <= 80


def test_a_run_says_it_once(quick: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(forecast, "WORTH", 0.0)
    quick()
    lines = capsys.readouterr().out.splitlines()
    (number,) = (n for n, line in enumerate(lines) if line.startswith("time: about "))
    assert lines[number - 1].startswith("epoch 1/4") and "s for 3 epochs, until " in lines[number]


def test_a_short_run_says_nothing(quick: Train, capsys: pytest.CaptureFixture[str]):
    quick()
    assert "time:" not in capsys.readouterr().out


def test_the_pace_is_measured_where_an_epoch_is_long(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    found = Forecast(trainer(epochs=1000), said.append)
    clock = iter((0.0, 1.0, 1.5, 2.5, 2.5))  # 550 images in 2.5 s
    monkeypatch.setattr(forecast, "perf_counter", lambda: next(clock))
    for images in (50, 100, 300, 600):
        found.seen(1, images)
    assert len(said) == 1 and said[0].startswith("time: about 1 h 20 min for 1000 epochs")


@pytest.fixture
def one_core() -> Iterator[Callable[[float], Moment]]:
    """This thread on one core; one_core(seconds) works so long and says where it stands."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})

    def work(seconds: float) -> Moment:
        end = perf_counter() + seconds
        while perf_counter() < end:
            pass
        return Moment.now(1, 0)

    yield work
    os.sched_setaffinity(0, before)


@pytest.mark.skipif(not STATED, reason="needs Linux's schedstat")
def test_others_that_hold_the_cores(one_core: Callable[[float], Moment], monkeypatch: pytest.MonkeyPatch):
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(2)]
    try:
        first, now = one_core(0.3), one_core(0.6)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    alone = forecast._held(first, now, trainer())
    assert alone.startswith("note: other processes use the cores; this one waits for them ") and "\n" not in alone
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert forecast._held(first, now, trainer()) == ""  # two threads on one core hold each other up
    monkeypatch.setattr(forecast, "_cores", lambda: 2)
    told = forecast._held(first, now, trainer())
    assert "--threads 1" in told and "OMP_WAIT_POLICY=passive" in told and max(map(len, told.splitlines())) <= 80
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    told = forecast._held(first, now, trainer())
    assert told.endswith("--threads 1 is usually faster")


def test_where_nothing_tells_nothing_is_said():
    assert forecast._held(Moment(1, 0, 0.0, 0.0, 0.0), Moment(1, 9, 3.0, 0.0, 0.0), trainer()) == ""
    assert forecast._held(Moment(1, 0, 0.0, 0.0, 0.0), Moment(1, 9, 3.0, 2.9, 0.1), trainer()) == ""
