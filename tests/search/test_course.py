"""A search from its start to its end, with whatever happens in between: nothing is staged but the moment of a kill."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder import search
from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.document.parser import parse
from archbuilder.pipeline import check, check_text
from archbuilder.run.locks import locked
from archbuilder.search import steps
from archbuilder.search.course import Course
from archbuilder.search.folder import reopen
from archbuilder.search.halving import Halving, Standing, front, ranked, rungs_of
from archbuilder.search.page import plot
from archbuilder.search.sampling import STUDY, Proposed, importances
from archbuilder.search.steps import Here, OnRay, Outcome, Step, take

TEXT = """\
archbuilder: 1
name: small
input: [1, 8, 8]
classes: 10
limits: {params: "< 900"}
vars: {width: 6}
network:
  - conv: {out: width, kernel: 3, name: first}  # the only one
  - strided: {out: width}
  - gap
  - classifier
data: {dataset: digits, batch_size: 500, engine: tensor}
train:
  epochs: 3
space:
  vars.width: {from: 4, to: 12}
  network.first.kernel: [3, 5]
  train.optimizer.sgd.lr: {from: 0.01, to: 0.5, log: true}
"""
HERE = search.Means("here")
SETTINGS: dict[str, Any] = {"trials": 6, "generation": 3, "rungs": (1, 3)}


def begun(folder: Path, text: str = TEXT, **settings: Any) -> Course:
    file = folder / "small.yaml"
    file.write_text(text)
    return search.start(check(file), HERE, out=folder / "searches", **{**SETTINGS, **settings})


@pytest.fixture(scope="module", autouse=True)
def plain() -> Iterator[None]:
    """Without the picture of each run, which takes longer than its training here, and has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archbuilder.training.session.curves", lambda *_: b"")
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return begun(tmp_path_factory.mktemp("search"))


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((path / "table.csv").read_text().splitlines()))


def test_what_it_leaves_behind(found: Course):
    folder = found.folder.path
    rows = table(folder)
    assert len(rows) == 6 and sorted({row["epochs"] for row in rows}) == ["1", "3"]
    for row in rows:
        trial = folder / "trials" / f"{int(row['trial']):04}"
        text = (trial / "candidate.yaml").read_text()
        report = check_text(text)
        assert report.ok and report.spec.space is None and "# the only one" in text
        assert report.facts.params == int(row["params"]) < 900 and report.spec.vars["width"] == int(row["vars.width"])
        metrics = [json.loads(line) for line in next(trial.glob("run/*/*/metrics.jsonl")).read_text().splitlines()]
        assert f"{metrics[-1]['validation_accuracy']:.2f}" == row["accuracy"] and len(metrics) == int(row["epochs"])
        assert all(("test_accuracy" in record) == (record["epoch"] == 3) for record in metrics)
    best = max((row for row in rows if row["epochs"] == "3"), key=lambda row: float(row["accuracy"]))
    assert found.best and found.best.number == int(best["trial"])
    assert (folder / "winner.yaml").read_text() == (
        folder / "trials" / f"{found.best.number:04}" / "candidate.yaml"
    ).read_text()
    assert f"vars: {{width: {best['vars.width']}}}" in found.difference() or best["vars.width"] == "6"


class Dying(Here):
    """A worker that takes steps in a random order until it is killed; its last step may be incomplete."""

    def __init__(self, steps: int, random: Random) -> None:
        self.left, self.random = steps, random

    def take(self, steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome]]:
        for step in self.random.sample(steps, len(steps)):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            yield step, "paused" if self.random.random() < 0.2 else take(step)  # its worker was asked to end


def test_kills_and_another_order_change_nothing(found: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    random = Random(5)
    monkeypatch.setattr(search, "engine_of", lambda *_: _engine(random))
    assert begun(tmp_path).interrupted
    (folder,) = tmp_path.glob("searches/small/*")
    for number in range(20):
        with (folder / STUDY).open("ab") as journal:
            journal.write(b'{"op_code": 4, "worker')  # a line that was being written
        if number == 0:  # asked for, and killed before all of it was said
            Proposed(folder, found.judge, 0, 2).study.ask()
        ended = search.proceed(folder, HERE)
        if not ended.interrupted:
            break
    assert (folder / "table.csv").read_text() == (found.folder.path / "table.csv").read_text()
    assert told(ended) == told(found)


class _engine:
    def __init__(self, random: Random) -> None:
        self.random = random

    def __enter__(self) -> Dying:
        return Dying(3, self.random)

    def __exit__(self, *_: object) -> None:
        pass


def told(course: Course) -> list[Any]:
    trials = course.sampler.study.get_trials()  # type: ignore[attr-defined]
    return [(t.params, t.values, t.constraints) for t in trials if "candidate" in t.user_attrs]


def test_a_study_of_optuna_knows_what_was_found(found: Course):
    study = found.sampler.study  # type: ignore[attr-defined]
    complete = [t for t in study.trials if t.values and t.user_attrs["candidate"]["ok"]]
    rows = {int(row["trial"]): row for row in table(found.folder.path)}
    assert {t.number for t in complete} == set(rows)
    for trial in complete:
        row = rows[trial.number]
        assert trial.values[1] == float(row["params"]) and max(trial.constraints.values()) == 0
        assert trial.values[0] == pytest.approx((row["epochs"] == "3") + float(row["accuracy"]) / 100, abs=1e-4)


def test_more_can_be_asked_for(found: Course, tmp_path: Path):
    folder = shutil.copytree(found.folder.path, tmp_path / "copy")
    ended = search.proceed(folder, HERE, trials=8)
    assert len(table(folder)) == 8 and table(folder)[:3] == table(found.folder.path)[:3]
    assert len(list(importances(ended.sampler.study, ended.judge.space, times=3))) == 3  # type: ignore[attr-defined]


def test_a_space_that_comes_to_its_end(tmp_path: Path):
    small = TEXT.split("space:")[0] + "space: {vars.width: {from: 7, to: 11}}\n"
    ended = begun(tmp_path, small.replace("epochs: 3", "epochs: 1"), trials=50)
    held = [width for width in range(7, 12) if check_text(small, overrides=[f"vars.width={width}"]).ok]
    assert sorted(int(row["vars.width"]) for row in table(ended.folder.path)) == held and len(held) < 5


def test_complete_rungs_start_anew(tmp_path: Path):
    ended = begun(tmp_path, complete=True, trials=2, generation=2)
    (trial,) = (t for t in ended.trials.values() if t.rung == 1)
    runs = sorted(path.parent.name for path in ended.folder.trial(trial.number).glob("rung-*/*"))
    assert runs == ["rung-1", "rung-3"] and "complete short runs" in "\n".join(ended.closing())
    first = next(ended.folder.trial(trial.number).glob("rung-1/*/*/metrics.jsonl")).read_text()
    assert len(first.splitlines()) == 1 and ended.spent == 2 + 3


def test_a_candidate_that_diverges_is_a_row_and_not_the_end(tmp_path: Path):
    text = TEXT.replace("lr: {from: 0.01, to: 0.5, log: true}", "lr: [0.1, 1.0e+20]").replace(
        "  vars.width: {from: 4, to: 12}\n", ""
    )
    ended = begun(tmp_path, text.replace("first.kernel: [3, 5]", "first.kernel: [3]"), trials=2, rungs=(1,))
    rows = {row["train.optimizer.sgd.lr"]: row for row in table(ended.folder.path)}
    assert "training has diverged" in rows["1e+20"]["failed"] and rows["0.1"]["failed"] == ""


def test_a_trial_that_another_program_trains_is_left_to_it(found: Course, tmp_path: Path):
    folder = shutil.copytree(found.folder.path, tmp_path / "copy")
    step = Step(0, 0, reopen(folder).trial(0), "run", found.settings.file, 99)
    with locked(step.trial):
        assert take(step) == "held"


def test_the_page_shows_the_front_and_what_was_chosen(found: Course):
    page = (found.folder.path / "search.html").read_text()
    assert all(f"trial {trial.number}: {trial.accuracy:.2f} % after 3 epochs" in page for trial in found.front)
    assert "The winner beside the start" in page and page.count("data:image/svg+xml") == 3 + len(found.front)
    drawn = plot(found, "params")
    assert drawn.count("<circle") == 6 + len(found.front)


@pytest.mark.raises_code("AB863")
def test_workers_that_are_killed_again_and_again_end_the_search(
    found: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(steps, "LOST", 1)  # each is a process that starts anew
    (tmp_path / "deadly.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    folder = shutil.copytree(found.folder.path, tmp_path / "copy")
    deadly = (str(tmp_path / "deadly.py"),)
    step = Step(0, 0, reopen(folder).trial(0), "run", found.settings.file, 99, blocks=deadly)
    with (
        pytest.raises(ArchbuilderError, match="AB863 2 workers in a row were killed"),
        search.engine_of("local", 1) as engine,
    ):
        list(engine.take([step]))


def test_a_disk_that_takes_no_more_is_told_with_the_command_that_goes_on(found: Course, tmp_path: Path):
    folder = shutil.copytree(found.folder.path, tmp_path / "copy")
    shutil.rmtree(folder / "trials")
    (folder / "trials").write_text("in the way")
    again = f"AB701 .*\n.*fix the problem, then archbuilder search --resume {folder}"
    with pytest.raises(ArchbuilderError, match=again):
        search.proceed(folder, HERE)


@pytest.mark.raises_code("AB863")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "127.0.0.1:99999"])
def test_a_cluster_that_cannot_be_reached(address: str):
    with pytest.raises(ArchbuilderError, match="AB863 no Ray cluster can be reached at"):
        OnRay(address)


def test_a_sweep_of_seeds_is_what_repeat_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(TEXT)
    here = search.engine_of
    monkeypatch.setattr(search, "engine_of", lambda *_: here("here", 1))
    short = ["small.yaml", "--set", "train.epochs=1"]
    assert main(["sweep", *short, "--vary", "train.seed=0,1"]) == 0
    swept = capsys.readouterr().out
    assert main(["train", *short, "--repeat", "2", "--no-report", "--threads", "1", "--device", "cpu"]) == 0
    (said,) = (line for line in capsys.readouterr().out.splitlines() if "2 seeds" in line)
    assert said in swept.splitlines() and not list(Path("searches").glob("*/*/winner.yaml"))


def test_bad_words(found: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "small.yaml"
    file.write_text(TEXT)
    path = shutil.copytree(found.folder.path, tmp_path / "copy")
    (path / "start.yaml").write_text(TEXT.replace("900", "800"))
    for words, expected in {
        ("search", str(file), "--minimise", "size"): "AB862 runs have no metric size",
        ("search", "--resume", str(path)): "AB861 start.yaml is not the file",
        ("search", "--resume", str(tmp_path)): "AB861 search.json cannot be read",
        ("search",): "AB710 there is nothing to search",
        ("sweep", str(file)): "AB901 nothing is varied",
        ("sweep", str(file), "--vary", "vars.width"): "AB901 --vary needs the form key.path=value,value",
        (
            "sweep",
            str(file),
            "--vary",
            "train.optimizer.sgd.lr={from: 0.1, to: 0.5}",
        ): "AB103 1 choice, infinitely many networks",
        ("sweep", str(file), "--vary", "vars.widht=3,4"): "AB563 nothing uses the variable widht",
        ("search", str(file), "--set", "limits.params='< 9'"): "AB564 none of 300 candidates",
    }.items():
        assert main(list(words)) == 2
        assert expected in capsys.readouterr().err
    settings = json.loads((found.folder.path / "search.json").read_text())
    (path / "start.yaml").write_text(TEXT)
    (path / "search.json").write_text(json.dumps({**settings, "archbuilder": "0.0.9"}))
    with pytest.raises(ArchbuilderError, match=r"started by archbuilder 0\.0\.9"):
        search.proceed(path, HERE)


# the scheduler alone

STANDINGS = st.lists(
    st.builds(Standing, st.integers(0, 999), st.floats(0, 100), st.tuples(st.integers(1, 5), st.integers(1, 5))),
    max_size=12,
    unique_by=lambda standing: standing.number,
)


@settings(max_examples=30)
@given(STANDINGS)
def test_ranked_is_front_by_front(standings: list[Standing]):
    order = ranked(standings)
    assert sorted(order, key=lambda s: s.number) == sorted(standings, key=lambda s: s.number)
    for place, one in enumerate(order):
        assert not any(later.beats(one) for later in order[place + 1 :])
    first = front(standings)
    assert order[: len(first)] == first and [s.accuracy for s in first] == sorted(
        (s.accuracy for s in first), reverse=True
    )


def test_without_costs_it_is_the_order_of_accuracy():
    order = ranked([Standing(n, accuracy) for n, accuracy in enumerate((50.0, 90.0, 70.0))])
    assert [standing.number for standing in order] == [1, 2, 0]


def test_a_third_goes_on_and_the_best_always_does():
    halving = Halving([1, 3, 9])
    for number in range(7):
        halving.reach(0, Standing(number, 10.0 * number))
    assert halving.promoted(0, range(7)) == [4, 5, 6]
    halving.reach(0, Standing(7, 95.0))
    assert halving.promoted(0, [7]) == [7] and halving.promoted(2, [7]) == []
    assert rungs_of(30) == [3, 10, 30] and rungs_of(2) == [1, 2] and rungs_of(1) == [1]


def test_agreement_is_spearmans(monkeypatch: pytest.MonkeyPatch):
    halving = Halving([1, 3])
    for number, (early, late) in enumerate([(10, 50), (20, 60), (30, 55), (40, 70)]):
        halving.reach(0, Standing(number, early))
        halving.reach(1, Standing(number, late))
    assert halving.agreement(0) == (pytest.approx(0.8), 4)


def test_several_programs_write_one_table(found: Course):
    """One after the other, and who has seen less of the search leaves what another has written."""
    files = [found.folder.path / name for name in ("table.csv", "winner.yaml", "search.html")]
    before = [file.read_bytes() for file in files]
    Course(found.folder, found.settings, found.judge).conclude()
    assert [file.read_bytes() for file in files] == before
    files[0].unlink()
    with found.folder.held():
        another = Thread(target=found.write)
        another.start()
        another.join(0.3)
        assert another.is_alive() and not files[0].exists()
    another.join()
    assert files[0].read_bytes() == before[0]


def test_a_table_that_another_program_has_saved(found: Course):
    """A spreadsheet's own encoding still counts; what is no table is written over."""
    file = found.folder.path / "table.csv"
    before = file.read_bytes()
    try:
        for bad in (b"\xe4\xf6\xfc\n", b"epochs\n" + b"9" * 140_000, b"epochs\n" + b"9" * 5_000):
            file.write_bytes(bad)
            found.write()
            assert file.read_bytes() == before
        header, *_ = csv.reader(before.decode().splitlines())
        latin = ",".join("3000" if name == "epochs" else "gr\xf6\xdfer" for name in header) + "\n"
        file.write_bytes(before + latin.encode("latin-1"))
        found.write()
        assert file.read_bytes() == before + latin.encode("latin-1")
    finally:
        file.write_bytes(before)


def test_text_and_document_agree(found: Course):
    start = parse((found.folder.path / "start.yaml").read_text())
    assert start.root.plain() == parse(TEXT).root.plain()


def test_the_time_is_up(found: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A running candidate pauses at its next epoch; a second call gives the same table as one without a limit."""
    file = tmp_path / "small.yaml"
    file.write_text(TEXT)
    few = {**SETTINGS, "trials": 3}
    first = search.start(check(file), search.Means("here", seconds=0.0), out=tmp_path / "searches", **few)
    assert first.out_of_time and not all(trial.rung == 1 for trial in first.trials.values())
    assert search.proceed(first.folder.path, HERE).table[1] == found.table[1][:3]
