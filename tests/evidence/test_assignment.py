"""A run with goals, from its training to its report: each command says whether the assignment is fulfilled."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.pipeline import load
from archbuilder.training import train
from tests.evidence.conftest import ALONE, NETWORK

GOALS = """\
goals:
  - accuracy: ">= 20%"
  - {of: test_accuracy, bound: ">= 20%", over: {each_of_last: 2}}
  - {of: train_time, bound: "<= 1 h"}
"""


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(list(words))
    return status, capsys.readouterr().out


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("goals")


@pytest.fixture(scope="module")
def path(out: Path) -> Path:
    return train(GOALS + NETWORK, out=out, **ALONE).path


def test_the_report_begins_with_it(path: Path):
    first, _, third, *_ = (path / "report.md").read_text().splitlines()
    assert re.fullmatch(r"# tiny: [0-9.]+ % on digits, assignment fulfilled", first)
    assert third == "Assignment fulfilled: 2 limits, 3 goals."
    page = (path / "report.html").read_text()
    assert "<h1>tiny: assignment fulfilled</h1>" in page
    assert "test accuracy &gt;= 20% in each of the last 2 epochs" in page


def test_check_and_runs_and_evaluate_say_it(path: Path, out: Path, capsys: pytest.CaptureFixture[str]):
    status, text = said(capsys, "check", "-q", str(path))
    assert status == 0 and "assignment       fulfilled, as recorded: 2 limits, 3 goals" in text
    assert "fulfilled" in said(capsys, "runs", str(out))[1]
    (run,) = json.loads(said(capsys, "runs", str(out), "--format", "json")[1])["runs"]
    assert run["assignment"] == "fulfilled" and [goal["state"] for goal in run["goals"]] == ["met"] * 3
    status, text = said(capsys, "evaluate", str(path), "--device", "cpu")
    assert status == 0 and "fulfilled, the test accuracy measured again: 2 limits, 3 goals" in text


def test_a_missed_goal_is_said_and_keeps_nothing_from_being_done(out: Path, capsys: pytest.CaptureFixture[str]):
    file = out / "net.yaml"
    file.write_text(NETWORK)
    goal, quick = (
        ["--set", 'goals.accuracy=">= 100%"'],
        ["--set", "train.epochs=1", "--device", "cpu", "--threads", "1"],
    )
    missed = out / "missed"
    status, text = said(capsys, "train", str(file), *goal, *quick, "--out", str(missed))
    assert status == 0 and "MISSED" in text and "assignment       not fulfilled: test accuracy >= 100%" in text
    (run,) = missed.glob("*/*")
    assert said(capsys, "check", str(run))[0] == 1
    assert ", assignment not fulfilled" in (run / "report.md").read_text().splitlines()[0]
    assert said(capsys, "export", str(run), "--to", "json")[0] == 0  # what is built of it, is built all the same
    assert load(run).classes == 10
    again = said(capsys, "train", str(run), "--set", "train.seed=1", "--out", str(out / "again"), "--no-report")
    assert again[0] == 0  # the run before keeps no new one from being trained
    status, text = said(capsys, "train", "--resume", str(run))
    assert status == 0 and "not fulfilled" in text


def test_of_several_seeds_each_is_held_to_the_goals(out: Path, capsys: pytest.CaptureFixture[str]):
    file = out / "seeds.yaml"
    file.write_text(GOALS.replace("each_of_last: 2", "each_of_last: 1") + NETWORK)
    options = ["--repeat", "2", "--set", "train.epochs=2", "--no-report", "--device", "cpu", "--threads", "1"]
    status, text = said(capsys, "train", str(file), *options, "--out", str(out / "seeds"))
    assert status == 0 and text.count("assignment       fulfilled") == 2
    assert "2 of 2 seeds fulfil the assignment, each by itself" in text
    (both,) = (out / "seeds").glob("*/*")
    status, text = said(capsys, "check", "-q", str(both))
    assert status == 0 and re.findall(r"(seed-\d): tiny", text) == ["seed-0", "seed-1"]
    assert f"{both}: 2 of 2 seeds fulfil the assignment, each by itself\n\n2 files checked" in text
    log = both / "seed-1" / "metrics.jsonl"
    log.write_text(re.sub('"test_accuracy": [0-9.]+', '"test_accuracy": 1.0', log.read_text()))
    status, text = said(capsys, "check", "-q", str(both))
    assert status == 1 and "1 of 2 seeds fulfil" in text
    assert " of 2 seeds" not in said(capsys, "check", "-q", str(both / "seed-0"))[1]
    (both / "seed-1").rename(out / "elsewhere")
    status, text = said(capsys, "check", "-q", str(both))
    assert status == 0 and f"{both}: 1 of 2 seeds is missing: seed-1\n" in text and "seeds fulfil" not in text
    (both / "repeat.json").write_text("{}")
    assert main(["check", "-q", str(both)]) == 2
    assert "this does not say which seeds there are" in capsys.readouterr().err


def test_a_run_that_is_not_finished_is_not_fulfilled_yet(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    import shutil

    half = Path(shutil.copytree(path, tmp_path / "half"))
    log = (half / "metrics.jsonl").read_text().splitlines(keepends=True)
    (half / "metrics.jsonl").write_text("".join(log[:2]))
    status, text = said(capsys, "check", "-q", str(half))
    assert status == 0 and "assignment       not fulfilled yet, as recorded: " in text
