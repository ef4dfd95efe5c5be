"""`--repeat N`: runs with several seeds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.run import plan
from archbuilder.training import Interrupted, Repeated, repeat
from tests.training.conftest import ALONE
from tests.training.same import files, load

SameEnd = Callable[[Path, Path], None]


@pytest.fixture
def both(tiny: str, tmp_path: Path) -> Callable[..., Repeated]:
    """Two runs of the tiny network, with the seeds 5 and 6."""

    def run(*overrides: str, **options: Any) -> Repeated:
        more = ["train.epochs=2", "train.seed=5", *overrides]
        return repeat(tiny, 2, overrides=more, out=tmp_path / "runs", **ALONE, **options)

    return run


def test_each_seed_is_a_run_like_any_other(both, quick, same_end: SameEnd, capsys):
    found = both()
    first, second = (run.path for run in found.runs)
    assert (first, second) == (found.path / "seed-5", found.path / "seed-6")
    assert found.path.parent.name == "tiny"
    alone = quick("train.epochs=2", "train.seed=6").path
    same_end(second, alone)
    assert files(second) == files(alone)
    assert "resumed" not in json.loads((second / "environment.json").read_text())
    accuracies = [run.last["test_accuracy"] for run in found.runs]
    assert accuracies[0] != accuracies[1]
    assert (found.mean, found.deviation) == (statistics.mean(accuracies), statistics.stdev(accuracies))
    noted = json.loads((found.path / "repeat.json").read_text())
    figures = {"each": accuracies, "mean": found.mean, "standard_deviation": found.deviation}
    assert noted == {"seeds": [5, 6], "test_accuracy": figures}
    assert f"result: test accuracy {found.mean:.2f} ± {found.deviation:.2f} %" in capsys.readouterr().out


def test_what_is_left_can_be_trained_later(both, same_end: SameEnd):
    whole = both()

    def stop(record: dict[str, Any]) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:  # in the first epoch of the second run
            raise KeyboardInterrupt

    seen = 0
    with pytest.raises(Interrupted, match="interrupted: 1 of 2 seeds are finished in") as stopped:
        both(on_epoch=stop)
    path = stopped.value.path
    assert f"archbuilder train --resume {path}" in str(stopped.value)
    assert load(path / "seed-6" / "last.pt")["epoch"] == 1
    assert main(["train", "--resume", str(path)]) == 0
    for run in whole.runs:
        same_end(path / run.path.name, run.path)
    assert not (path / "comparison.html").exists()  # they were started without a report
    assert (path / "repeat.json").read_bytes() == (whole.path / "repeat.json").read_bytes()


@pytest.mark.parametrize("asked", ["in the last epoch", "between two runs"])
def test_a_signal_that_comes_too_late_for_one_seed_ends_before_the_next(
    both, asked: str, monkeypatch: pytest.MonkeyPatch
):
    """The run that it came in is finished, and the next one is not begun."""

    def end_of_run(record: dict[str, Any]) -> None:
        if record["epoch"] == 2 and asked == "in the last epoch":
            send()

    def send() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    if asked == "between two runs":
        resumed = plan.resumed

        def second(run: Path, *args: Any) -> plan.Plan:
            if run.name == "seed-6":
                send()
            return resumed(run, *args)

        monkeypatch.setattr(plan, "resumed", second)
    with pytest.raises(Interrupted, match="ended by SIGTERM: 1 of 2 seeds are finished in") as stop:
        both(on_epoch=end_of_run)
    first, second_run = (stop.value.path / name for name in ("seed-5", "seed-6"))
    assert stop.value.status == 143
    assert (first / "weights.safetensors").exists() and not (second_run / "last.pt").exists()


def test_a_seed_that_diverges_does_not_keep_the_others_from_theirs(both, tmp_path: Path):
    with pytest.raises(ArchbuilderError) as error:
        both("train.schedule={step: {every: 1, gamma: 1.0e30}}")
    assert [found.code.id for found in error.value.diagnostics] == ["AB712", "AB712"]
    assert [load(path)["epoch"] for path in sorted(tmp_path.glob("runs/tiny/*/*/last.pt"))] == [1, 1]


def test_a_disk_with_room_for_one_of_the_runs_is_too_full(both, tmp_path: Path, monkeypatch):
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=6 * 2**20))
    with pytest.raises(ArchbuilderError, match=r"AB730 6\.0 MiB are free, and 2 runs need about 8") as error:
        both(on_epoch=lambda record: pytest.fail("an epoch was trained"))
    assert error.value.diagnostics[0].span.file == str(tmp_path / "runs" / "tiny")
    assert not list((tmp_path / "runs").rglob("*"))


def test_nothing_is_left_of_what_cannot_be_trained(both, tmp_path: Path):
    with pytest.raises(ArchbuilderError, match="AB603"):
        both("data.dataset=none.npz")
    assert not list((tmp_path / "runs").rglob("*"))


def test_the_command_says_mean_and_spread(tiny: str, tmp_path: Path, capsys):
    (tmp_path / "net.yaml").write_text(tiny.replace("epochs: 4", "epochs: 1"))
    options = ["--out", str(tmp_path / "runs"), "--device", "cpu", "--threads", "1", "--no-report"]
    assert main(["train", str(tmp_path / "net.yaml"), "--repeat", "2", *options]) == 0
    out = capsys.readouterr().out
    assert out.count("epoch 1/1") == 2 and "mean and standard deviation of 2 seeds" in out
    (run,) = tmp_path.glob("runs/tiny/*")
    assert main(["train", "--resume", str(run), "--repeat", "3"]) == 2
    assert "AB710" in capsys.readouterr().err
