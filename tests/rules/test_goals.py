"""Goals: how they are read, what no run can show, and how a run's log stands to them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from archbuilder.cli import main
from archbuilder.pipeline import check, check_text, judged
from archbuilder.reporting import goals as shown
from archbuilder.reporting.html import render as html
from archbuilder.reporting.sarif import render as sarif

HEAD = "archbuilder: 1\ninput: [3, 32, 32]\nclasses: 10\nnetwork: [{conv: 8}, gap, classifier]\n"
DATA = "data: {dataset: cifar10}\n"
HELD_OUT = "data: {dataset: cifar10, validation: 0.1}\n"
OLD = Path(__file__).parent.parent / "fixtures" / "0.1.0" / "trained"


def of(goals: str, rest: str = DATA) -> Any:
    return check_text(f"{HEAD}goals: {goals}\n{rest}", "net.yaml")


READ = {
    '{accuracy: ">= 85%"}': ["test accuracy >= 85% after the last epoch"],
    '{accuracy: "> 99.4 %", train_time: "<= 1.5 h"}': [
        "test accuracy > 99.4 % after the last epoch",
        "train time <= 1.5 h",
    ],
    '[{of: train_accuracy, bound: ">= 95%", over: {by_epoch: 1}}]': ["train accuracy >= 95% in the first epoch"],
    '[accuracy: ">= 1%", {of: accuracy, bound: ">= 9%", over: best}]': [
        "test accuracy >= 1% after the last epoch",
        "test accuracy >= 9% in the best epoch",
    ],
    '[{of: test_accuracy, bound: ">= 9%", over: {each_of_last: 3}}]': [
        "test accuracy >= 9% in each of the last 3 epochs"
    ],
    "": [],
}


@pytest.mark.parametrize("goals", READ)
def test_what_is_written_is_read(goals: str):
    report = of(goals)
    assert [standing.goal.words for standing in report.goals] == READ[goals]
    assert report.ok and not report.diagnostics
    assert all(standing.state == "after training" for standing in report.goals)


UNREADABLE = [
    ("{acuracy: '>= 85%'}", "AB103", "no goal on acuracy", "did you mean accuracy?"),
    ("{accuracy: 85}", "AB540", "85 is not the bound", 'write relation, number and unit: ">= 85%"'),
    ("{accuracy: 0.85}", "AB540", "0.85 is not the bound", '">= 85%"'),
    ("{train_time: 10 min}", "AB540", "is not the bound", '"<= 10 min"'),
    ("{accuracy: '<= 85%'}", "AB540", "not a goal for test accuracy", "a lower bound"),
    ("{accuracy: '>= 10 min'}", "AB540", "in per cent", ">= 85%"),
    ("{train_time: '<= 85%'}", "AB540", "in s, min or h", "<= 10 min"),
    ("{accuracy: '> 100%'}", "AB540", "more than all images", ""),
    ("[{of: train_time, bound: '< 3 s', over: best}]", "AB540", "of the whole run", "remove over:"),
    ("[{of: test_accuracy}]", "AB102", "bound is missing", ""),
    ("[{of: test_accuracy, bound: '> 1%', over: {last: 3}}]", "AB103", "each_of_last", ""),
    ("{of: test_accuracy, bound: '> 1%'}", "AB104", "an item of a list", "a dash"),
    ("85", "AB104", "expected goals", ""),
    ("{'0': {bound: '> 1%'}}", "AB104", "these goals are no list", "set goals.accuracy"),  # as --set goals.0.bound
]


@pytest.mark.parametrize(("goals", "code", "words", "hint"), UNREADABLE, ids=[case[0] for case in UNREADABLE])
def test_what_cannot_be_read_is_said_at_its_place(goals: str, code: str, words: str, hint: str):
    (found,) = of(goals).diagnostics
    assert (found.code.id, found.span.line) == (code, 5)
    assert words in found.message and hint in found.hint


UNSHOWN = [
    ("{validation_accuracy: '> 1%'}", DATA, "AB541", "no validation split"),
    ("[{of: test_accuracy, bound: '> 1%', over: best}]", HELD_OUT, "AB541", "used only once"),
    ("[{of: test_accuracy, bound: '> 1%', over: {each_of_last: 2}}]", HELD_OUT, "AB541", "used only once"),
    ("[{of: test_accuracy, bound: '> 1%', over: {by_epoch: 9}}]", HELD_OUT, "AB541", "used only once"),
    (
        "[{of: test_accuracy, bound: '> 1%', over: {each_of_last: 3}}]",
        f"{DATA}train: {{epochs: 2}}",
        "AB542",
        "2 epochs",
    ),
]


@pytest.mark.parametrize(("goals", "rest", "code", "words"), UNSHOWN)
def test_a_goal_that_no_metric_can_show(goals: str, rest: str, code: str, words: str):
    (found,) = of(goals, rest).diagnostics
    assert (found.code.id, found.span.line) == (code, 5)
    assert words in found.message and found.hint


@pytest.mark.parametrize(
    ("goals", "rest"),
    [
        ("{validation_accuracy: '> 1%', test_accuracy: '> 1%'}", HELD_OUT),
        ("{validation_accuracy: '> 1%'}", "data: {dataset: ./photos}"),  # which may bring its own
        ("{validation_accuracy: '> 1%'}", ""),
        ("[{of: test_accuracy, bound: '> 1%', over: {by_epoch: 10}}]", HELD_OUT),
        ("[{of: test_accuracy, bound: '> 1%', over: {each_of_last: 10}}]", DATA),
        ("[{of: test_accuracy, bound: '> 1%', over: {by_epoch: 11}}]", DATA),  # any of its ten will do
    ],
)
def test_a_goal_that_some_run_can_show(goals: str, rest: str):
    assert of(goals, rest).diagnostics == ()


LAST, BEST, LAST_TWO, BY_TWO = "last", "best", "{each_of_last: 2}", "{by_epoch: 2}"
STANDS = [  # over, the accuracies of four epochs or fewer, how a goal of 85 % stands then, and what is shown
    (LAST, [80, 90, 90, 85], "met", 85, "85.00 %"),
    (LAST, [90, 90, 90, 84.999], "missed", 84.999, "84.999 %"),
    (LAST, [90, 90, 90], "not yet", None, "90.00 % after epoch 3"),
    (LAST, [90, 90, 90, None], "not recorded", None, "does not have it"),
    (LAST, [], "not yet", None, ""),
    (BEST, [80, 91, 90, 70], "met", 91, "in epoch 2"),
    (BEST, [80, 86], "met", 86, "in epoch 2"),
    (BEST, [80, 81], "not yet", 81, "2 of 4 epochs"),
    (BEST, [80, 81, 82, 83], "missed", 83, "83.00 % in epoch 4"),
    (LAST_TWO, [10, 10, 86, 85], "met", 85, "the lowest of 86.00 %, 85.00 %"),
    (LAST_TWO, [90, 90, 84, 90], "missed", 84, "in epoch 3"),
    (LAST_TWO, [90, 90, 84], "missed", 84, "84.00 %"),
    (LAST_TWO, [90, 90, 86], "not yet", 86, "86.00 %; 3 of 4 epochs"),
    (LAST_TWO, [90, 90, None, 86], "not recorded", 86, "no figure"),
    (BY_TWO, [80, 86, 10, 10], "met", 86, "in epoch 2"),
    (BY_TWO, [80, 81, 90], "missed", 81, "in epoch 2"),
    (BY_TWO, [80], "not yet", 80, "1 of 4 epochs"),
    (BY_TWO, [None, None, 90, 90], "not recorded", None, ""),
]


@pytest.mark.parametrize(("over", "accuracies", "state", "value", "words"), STANDS)
def test_how_a_log_stands_to_a_goal(
    over: str, accuracies: list[float | None], state: str, value: float | None, words: str
):
    report = of(f"[{{of: test_accuracy, bound: '>= 85%', over: {over}}}]", f"{DATA}train: {{epochs: 4}}")
    log = [{"epoch": n, **({"test_accuracy": a} if a is not None else {})} for n, a in enumerate(accuracies, 1)]
    (found,) = judged(report, log).goals
    assert (found.state, found.value) == (state, value)
    assert words in found.words


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [
        ([60, 30.0], "met", "1.50 min for 2 epochs"),
        ([60, 60.06], "missed", "2.001 min"),
        ([50], "not yet", "50.00 s for 1 epoch of 2"),
        ([130], "missed", "2.17 min"),
        ([None, 1], "not recorded", ""),
    ],
)
def test_how_long_a_run_took(seconds: list[float | None], state: str, words: str):
    report = of("{train_time: '<= 2 min'}", f"{DATA}train: {{epochs: 2}}")
    (found,) = judged(report, [{"epoch": n, "seconds": s} for n, s in enumerate(seconds, 1)]).goals
    assert found.state == state and words in found.words


def test_of_several_demands_each_counts():
    report = of("{accuracy: '>= 85%'}", f"{DATA}train: {{epochs: 1}}\nlimits: {{params: '< 9'}}\n")
    assert shown.state(judged(report, [])) == shown.NOT  # of too many parameters no epoch makes fewer
    report = of("{accuracy: '>= 85%'}", f"{DATA}train: {{epochs: 1}}\nlimits: {{params: '< 9k'}}\n")
    assert shown.state(judged(report, [])) == shown.NOT_YET
    assert shown.state(judged(report, [{"test_accuracy": 84}])) == shown.NOT
    assert shown.state(judged(report, [{"test_accuracy": 86}])) == shown.FULFILLED
    assert shown.fulfilment(judged(report, [{"test_accuracy": 86}])) == "1 limit, 1 goal"
    assert shown.state(of("", DATA)) == ""


# ---- a run of 0.1.0, which knew no goals, and its commands ----


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD / "plain" / "run", tmp_path / "run"))


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(list(words))
    return status, capsys.readouterr().out


@pytest.mark.parametrize(
    ("goal", "status", "state"),
    [
        ("goals.accuracy='>= 1%'", 0, "fulfilled"),
        ("goals.accuracy='>= 100%'", 1, "not fulfilled"),
        ("goals.validation_accuracy='>= 1%'", 0, "not fulfilled"),
    ],
)
def test_what_an_old_run_recorded_is_judged(
    run: Path, goal: str, status: int, state: str, capsys: pytest.CaptureFixture[str]
):
    found, text = said(capsys, "check", "-q", str(run), "--set", goal)
    assert found == status
    assert f"assignment       {state}, as recorded: " in text
    found, text = said(capsys, "check", str(run), "--set", goal, "--format", "json")
    (file,) = json.loads(text)["files"]
    assert found == status and file["fulfilled"] is (state == "fulfilled")
    assert [each["state"] for each in file["goals"]] == [
        "met" if status == 0 and state == "fulfilled" else "missed" if status else "not recorded"
    ]


def test_what_is_not_recorded_is_a_warning(run: Path, capsys: pytest.CaptureFixture[str]):
    goal = ["--set", "goals.validation_accuracy='>= 1%'"]
    assert "AB544" in said(capsys, "check", str(run), *goal)[1]
    assert said(capsys, "check", str(run), *goal, "--strict")[0] == 1


def test_a_network_that_was_not_trained_is_held_to_no_log(run: Path, capsys: pytest.CaptureFixture[str]):
    goal, other = ["--set", "goals.accuracy='>= 100%'"], ["--set", "train.epochs=77"]
    status, text = said(capsys, "check", "-q", str(run), *goal, *other)
    assert status == 0 and "after training" in text and "assignment" not in text


def test_no_edit_is_proposed_for_what_only_training_mends(run: Path, capsys: pytest.CaptureFixture[str]):
    status, text = said(capsys, "check", "-q", str(run), "--set", "goals.accuracy='>= 100%'", "--suggest")
    assert status == 1 and "AB543" in text and "edits tried" not in text


def test_a_log_that_is_none_is_said(run: Path, capsys: pytest.CaptureFixture[str]):
    (run / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch": NaN}\n')
    status, text = said(capsys, "check", "-q", str(run), "--set", "goals.accuracy='>= 1%'")
    assert status == 2 and "AB702" in text and "no log of epochs" in text


def test_every_format_has_the_goals(run: Path):
    report = check(run, ["goals.accuracy='>= 100%'"])
    assert [d.code.id for d in report.errors] == ["AB543"]
    assert "test accuracy &gt;= 100% after the last epoch" in html(report)
    (result,) = json.loads(sarif([report]))["runs"][0]["results"]
    assert result["ruleId"] == "AB543" and "is missed" in result["message"]["text"]


def test_a_goal_of_a_pack_is_missed_where_the_pack_is_asked_for(run: Path):
    report = check(run, rules=["mlperf-tiny-ic"])
    (missed,) = [d for d in report.all_found if d.code.id == "AB543"]
    assert missed.message.startswith("mlperf-tiny-ic: test accuracy >= 85% after the last epoch is missed: 57.")
    assert report.spec and missed.span == report.spec.span("network")
    (standing,) = report.goals
    assert (standing.pack, standing.state) == ("mlperf-tiny-ic", "missed")
