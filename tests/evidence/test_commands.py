"""The commands that read runs: evaluate, runs, report of several."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archbuilder.cli import main
from archbuilder.data.datasets import load
from archbuilder.evidence.comparison import compare, labels, text
from archbuilder.reporting.style import Style
from archbuilder.run.listing import duration, listing
from archbuilder.run.locks import locked
from archbuilder.trained.open import Run, open_run
from archbuilder.training import Interrupted, repeat, train
from tests.evidence.conftest import ALONE, NETWORK

CPU = ["--device", "cpu", "--threads", "1"]


def evaluated(run: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main(["evaluate", str(run), "--format", "json", *options, *CPU]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


# evaluate


def test_evaluate_says_what_the_log_says(run: Run, capsys):
    found = evaluated(run.path, capsys)
    assert found["accuracy"] == pytest.approx(run.metrics[-1]["test_accuracy"]) and found["images"] == 355
    assert (found["split"], found["weights"], found["epoch"]) == ("test", "last", 3)
    assert found["flip_averaged_accuracy"] is None
    assert main(["evaluate", str(run.path), *CPU]) == 0
    out = capsys.readouterr().out
    assert f"test accuracy    {run.metrics[-1]['test_accuracy']:.2f} % on all 355 test images" in out
    assert "with flips" not in out and len(out.splitlines()) == 5 + 10


def test_flip_averaging_is_a_figure_of_its_own(run: Run, capsys):
    found = evaluated(run.path, capsys, "--tta")
    assert found["accuracy"] == pytest.approx(run.metrics[-1]["test_accuracy"])
    assert found["flip_averaged_accuracy"] < found["accuracy"] - 3  # a mirrored digit is another one
    main(["evaluate", str(run.path), "--tta", *CPU])
    assert "averaged: not the result of the network itself" in capsys.readouterr().out


def test_the_best_epochs_weights_are_its_own(tmp_path: Path, capsys):
    """A rate that is far too high from the second epoch on: the first one is the best."""
    rates = "train.schedule={piecewise: {points: [[0, 1], [1, 1], [1.01, 400], [2, 400]]}}"
    result = train(NETWORK, overrides=["train.epochs=2", rates], out=tmp_path, report=False, **ALONE)
    assert result.best["epoch"] == 1
    capsys.readouterr()
    best = evaluated(result.path, capsys, "--weights", "best")
    assert best["epoch"] == 1 and best["accuracy"] == pytest.approx(result.best["test_accuracy"])


def test_another_data_set_is_normalised_as_the_training_was(run: Run, tmp_path: Path, capsys):
    """The same test images in a file with other training images: the figure must not change."""
    splits = load(run.plan.data, (1, 8, 8), 10)
    file = tmp_path / "other.npz"
    test = {"x_test": splits.test.images, "y_test": splits.test.labels}
    np.savez(file, x_train=np.zeros((20, 8, 8, 1), np.uint8), y_train=np.arange(20) % 10, **test)
    found = evaluated(run.path, capsys, "--dataset", str(file))
    assert found["accuracy"] == pytest.approx(run.metrics[-1]["test_accuracy"]) and found["dataset"] == str(file)


def test_a_data_set_that_does_not_fit_is_refused(run: Run, capsys):
    assert main(["evaluate", str(run.path), "--dataset", "cifar10", *CPU]) == 2
    assert "--dataset: AB601" in capsys.readouterr().err
    assert main(["evaluate", str(run.path), "--dataset", "cifar11", *CPU]) == 2
    assert "did you mean cifar10" in capsys.readouterr().err


def test_classes_of_other_names_are_told(copy: Path, capsys):
    card = json.loads((copy / "dataset.json").read_text())
    (copy / "dataset.json").write_text(json.dumps({**card, "classes": list("abcdefghij")}))
    main(["evaluate", str(copy), "--dataset", "digits", *CPU])
    assert "note: digits has other class names" in capsys.readouterr().out


def test_a_run_without_its_note_of_the_images_reads_them(copy: Path, run: Run):
    (copy / "dataset.json").unlink()
    assert open_run(copy).card == run.card


def test_a_run_without_an_epoch_has_nothing_to_evaluate(copy: Path, capsys):
    for path in [*copy.glob("*.pt"), copy / "weights.safetensors", copy / "metrics.jsonl"]:
        path.unlink()
    for command in ("evaluate", "report"):
        assert main([command, str(copy), *CPU]) == 1
        assert "AB760" in capsys.readouterr().err


def test_a_kill_between_checkpoint_and_log_leaves_the_epoch_as_it_is(copy: Path, capsys):
    (copy / "weights.safetensors").unlink()
    (copy / "metrics.jsonl").write_text("".join((copy / "metrics.jsonl").read_text().splitlines(keepends=True)[:2]))
    assert evaluated(copy, capsys)["epoch"] == 3


def test_damaged_weights_are_named(copy: Path, capsys):
    (copy / "weights.safetensors").write_bytes(b"\xff" * 100)
    assert main(["evaluate", str(copy), *CPU]) == 2
    err = capsys.readouterr().err
    assert "weights.safetensors: AB855" in err and "or remove it: last.pt is then used" in err


@pytest.mark.parametrize("whole", [True, False])
def test_whole_weights_of_the_best_epoch_are_offered_for_damaged_ones_of_the_last(whole: bool, copy: Path, capsys):
    (copy / "weights.safetensors").unlink()
    for name in ("last.pt",) if whole else ("last.pt", "best.pt"):
        (copy / name).write_bytes(b"damaged")
    assert main(["evaluate", str(copy), *CPU]) == 1
    err = capsys.readouterr().err
    assert "last.pt: AB704" in err and ("--weights best" in err) == whole
    assert main(["evaluate", str(copy), "--weights", "best", *CPU]) == (0 if whole else 1)


def test_a_damaged_log_is_named(copy: Path, capsys):
    (copy / "metrics.jsonl").write_text('{"epoch": 1')
    assert main(["report", str(copy), *CPU]) == 2
    assert "metrics.jsonl: AB702 this is not a log of epochs" in capsys.readouterr().err


# runs


def test_runs_tells_finished_interrupted_running_and_damaged_ones_apart(copy: Path, tmp_path: Path, capsys):
    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        train(NETWORK, out=tmp_path, on_epoch=stop, **ALONE)
    held, damaged = (Path(shutil.copytree(stopped.value.path, tmp_path / "more" / name)) for name in ("held", "bad"))
    (damaged / "facts.json").write_text("{")
    with locked(held):
        found = {run.path: run for run in listing(tmp_path)}
    states = {str(copy): "finished", str(stopped.value.path): "interrupted", str(held): "running"}
    assert {path: run.state for path, run in found.items()} == {**states, str(damaged): "damaged"}
    one = found[str(stopped.value.path)]
    assert (one.name, one.done, one.epochs, one.params) == ("tiny", 1, 3, open_run(copy).plan.report.facts.params)
    capsys.readouterr()
    assert main(["runs", str(tmp_path)]) == 0
    table = capsys.readouterr().out
    assert len(table.splitlines()) == 5 and "1/3" in table and "3/3" in table
    assert main(["runs", str(tmp_path), "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert len(listed) == 4 and {run["state"] for run in listed} >= {"finished", "interrupted", "damaged"}


def test_runs_gives_the_last_and_the_best_accuracy(finished: Path, run: Run):
    (one,) = listing(finished.parent)
    best = max(record["test_accuracy"] for record in run.metrics)
    assert (one.test_accuracy, one.best_accuracy, one.chosen_on) == (run.metrics[-1]["test_accuracy"], best, "test")
    assert one.seconds == pytest.approx(sum(record["seconds"] for record in run.metrics))


def test_a_folder_without_runs_and_one_that_is_not_there(tmp_path: Path, capsys):
    assert main(["runs", str(tmp_path)]) == 0
    assert "no runs in" in capsys.readouterr().err
    assert main(["runs", str(tmp_path / "none")]) == 2
    assert "AB910" in capsys.readouterr().err


def test_durations_are_words():
    assert [duration(s) for s in (0.04, 59.9, 61, 3599.6, 7500)] == [
        "0.0 s",
        "59.9 s",
        "1 min 1 s",
        "1 h 0 min",
        "2 h 5 min",
    ]


# report of several


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three runs that differ in their seed alone."""
    out, plain = tmp_path_factory.mktemp("seeds"), {**ALONE, "report": False}
    return [
        train(NETWORK, overrides=["train.epochs=2", f"train.seed={seed}"], out=out, **plain).path for seed in range(3)
    ]


def test_several_runs_are_compared(seeds: list[Path], finished: Path, tmp_path: Path, capsys):
    runs = [*map(str, seeds), str(finished)]
    assert main(["report", *runs, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"comparison.html", "comparison.md", "comparison.png"}
    page = (tmp_path / "comparison.html").read_text()
    for path in map(Path, runs):
        accuracy = f"{open_run(path).metrics[-1]['test_accuracy']:.2f} %"
        assert all(
            path.name in text and accuracy in text for text in (out, page, (tmp_path / "comparison.md").read_text())
        )
    assert "train.epochs" in out and "train.seed" in out and "train.loss" not in out
    assert page.count("data:image/svg+xml") == 5 and "<script" not in page


def test_runs_of_other_seeds_have_a_mean_and_a_spread(seeds: list[Path], finished: Path):
    runs = [open_run(path) for path in seeds]
    numbers = np.array([run.metrics[-1]["test_accuracy"] for run in runs])
    words = f"test accuracy {numbers.mean():.2f} % in the mean of 3, standard deviation {numbers.std(ddof=1):.2f}"
    assert words in compare(runs).seeds
    assert compare([*runs, open_run(finished)]).seeds == ""
    assert [row[0] for row in compare(runs).differences.rows] == ["train.seed"]


def test_classes_are_compared_where_all_runs_have_their_matrix(finished: Path, seeds: list[Path], copy: Path):
    assert compare([open_run(finished), open_run(seeds[0])]).classes is None
    both = compare([open_run(finished), open_run(copy)])
    assert both.classes is not None and len(both.classes.rows) == 10
    assert all(row[1] == row[2] for row in both.classes.rows) and both.differences.rows == ()


def test_every_run_gets_a_name_of_its_own(seeds: list[Path], finished: Path, copy: Path):
    assert labels([open_run(path) for path in seeds]) == [path.name for path in seeds]
    assert labels([open_run(finished), open_run(copy)]) == [str(finished), str(copy)]
    assert labels([open_run(finished)] * 2) == [f"{finished} (1)", f"{finished} (2)"]


def test_more_runs_than_a_screen_has_room_for_stand_below_each_other(seeds: list[Path], finished: Path):
    runs = [open_run(path) for path in (*seeds, finished, *seeds, finished)]
    found = compare(runs)
    assert max(map(len, text(found).splitlines())) > 80
    lines = text(found, Style(width=80)).splitlines()
    assert max(map(len, lines)) <= 80
    below = lines[lines.index("") + 2 :]
    assert len(below) == len(runs) and all("train.seed=" in line for line in below)


def test_a_comparison_that_cannot_be_written_is_said(seeds: list[Path], tmp_path: Path, capsys):
    assert main(["report", *map(str, seeds), "--out", str(tmp_path / "none")]) != 0
    assert "AB701" in capsys.readouterr().err


def test_a_place_for_a_comparison_is_looked_at_before_the_work(tmp_path: Path, finished: Path, monkeypatch, capsys):
    monkeypatch.setattr("archbuilder.trained.open.open_run", lambda *_: pytest.fail("a run was opened"))
    (tmp_path / "file").write_text("mine")
    assert main(["report", str(finished), str(finished), "--out", str(tmp_path / "file")]) != 0
    assert "AB701" in capsys.readouterr().err and (tmp_path / "file").read_text() == "mine"


def test_seeds_of_one_recipe_end_in_their_comparison(tmp_path: Path, capsys):
    repeated = repeat(NETWORK, 2, overrides=["train.epochs=1"], out=tmp_path, **ALONE)
    written = {path.name for path in repeated.path.iterdir()}
    assert written >= {"comparison.html", "comparison.md", "comparison.png", "seed-0", "seed-1"}
    assert f"{repeated.mean:.2f} % in the mean of 2" in (repeated.path / "comparison.html").read_text()
    assert open_run(repeated.runs[1].path).name == f"tiny/{repeated.path.name}/seed-1"
    (repeated.path / "comparison.html").unlink()
    assert main(["report", str(repeated.path), *CPU]) == 0
    assert (repeated.path / "comparison.html").exists()
    assert "seed-0" in capsys.readouterr().out
