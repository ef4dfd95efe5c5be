"""Whatever becomes of a run's files, every command says what is wrong with them: `tests.fuzz_runs`, a few cases of it.

The cases that were tracebacks once stand beside them, by their kinds.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.modules.weights import digest
from archbuilder.run.checkpoint import FORMAT, KIND
from archbuilder.run.listing import listing
from archbuilder.training import RunResult, train
from tests import fuzz_runs

CPU = ("--device", "cpu", "--threads", "1")
CASES = 40


def test_spoiled_runs_are_answered():
    assert list(fuzz_runs.cases(0, CASES)) == []


@pytest.fixture
def copy(whole: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run in the current folder, to be spoiled."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(whole.path, "runs/run"))


NOTES = {
    "a text for a list": (
        "environment.json",
        {"overrides": "train.epochs=3"},
        "overrides: Input should be a valid list",
    ),
    "no device": ("environment.json", {"device": "toaster"}, "device: Input should be 'cpu', 'cuda' or 'mps'"),
    "a number of threads without end": ("environment.json", {"threads": 10**30}, "threads: "),
    "a character that is not allowed in paths": ("environment.json", {"data_dir": "a\0b"}, "data_dir: has a character"),
    "a name that leads elsewhere": ("facts.json", {"name": "../../up"}, "name: is not a name of a network"),
    "a recipe of another type": ("facts.json", {"train": [1]}, "train: Input should be"),
    "a mean in words": ("dataset.json", {"mean": ["dark"]}, "mean.0: Input should be a valid number"),
    "classes that are none": ("dataset.json", {"classes": 10}, "classes: Input should be a valid list"),
    "a class less": ("dataset.json", {"classes": ["0"]}, "what it says of the images does not fit the network"),
}


@pytest.mark.parametrize("case", NOTES)
def test_notes_of_another_type_are_told_by_their_place(copy: Path, case: str, capsys):
    name, changed, words = NOTES[case]
    noted = json.loads((copy / name).read_text())
    (copy / name).write_text(json.dumps({**noted, **changed}))
    commands = {"facts.json": "weights"}.get(name, "evaluate")
    assert main([commands, str(copy), *(CPU if commands == "evaluate" else ())]) == 2
    found = capsys.readouterr().err
    assert f"{copy / name}: AB702" in found and words in found


RECORDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no accuracy": lambda record: record.pop("test_accuracy"),
    "an accuracy in words": lambda record: record.update(test_accuracy="good"),
    "no number": lambda record: record.update(train_loss=float("nan")),
    "an epoch too many": lambda record: record.update(epoch=9),
    "a list for seconds": lambda record: record.update(seconds=[1]),
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_log_of_nonsense(copy: Path, case: str, capsys):
    lines = [json.loads(line) for line in (copy / "metrics.jsonl").read_text().splitlines()]
    RECORDS[case](lines[1])
    (copy / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for command in (["evaluate", str(copy), *CPU], ["report", str(copy), *CPU], ["weights", str(copy)]):
        assert main(command) == 2
        assert "metrics.jsonl: AB702 this is not a log of epochs" in capsys.readouterr().err


def test_a_damaged_run_is_a_line_among_the_others(copy: Path, capsys):
    for number, text in enumerate(["[" * 100_000, "{", "null", '{"train": 5}', "9" * 5000]):
        bad = Path(shutil.copytree(copy, f"runs/bad-{number}"))
        (bad / "facts.json").write_text(text)
    piped = Path(shutil.copytree(copy, "runs/piped"))
    (piped / "metrics.jsonl").unlink()
    os.mkfifo(piped / "metrics.jsonl")
    assert sorted(run.state for run in listing(Path("runs"))) == ["damaged"] * 6 + ["finished"]
    assert main(["runs"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8


SPOILED: dict[str, Callable[[Path], Any]] = {
    "a YAML that is gone": lambda run: (run / "architecture.yaml").unlink(),
    "a YAML of nonsense": lambda run: (run / "architecture.yaml").write_text("[]"),
    "overrides that fit nothing": lambda run: edit(run / "environment.json", overrides=["vars.none.width=3"]),
    "no word of how it was started": lambda run: (run / "environment.json").unlink(),
    "a link to itself": lambda run: ((run / "facts.json").unlink(), (run / "facts.json").symlink_to("facts.json")),
    "seconds without end": lambda run: (run / "metrics.jsonl").write_text(
        (run / "metrics.jsonl").read_text().replace('"seconds": ', '"seconds": 1e308, "": ')
    ),
}


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize("case", SPOILED)
def test_a_damaged_run_leaves_the_lines_of_the_others_as_they_are(copy: Path, case: str, capsys):
    other = Path(shutil.copytree(copy, "runs/other"))
    edit(other / "environment.json", started="\x1b[31m2026\n")
    before = {run.path: run for run in listing(Path("runs"))}
    SPOILED[case](Path(shutil.copytree(copy, "runs/spoiled")))
    after = {run.path: run for run in listing(Path("runs"))}
    assert after.pop("runs/spoiled").state == "damaged" and after == before
    assert main(["runs"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 4 and "\x1b" not in printed
    assert main(["runs", "--format", "json"]) == 0 and len(json.loads(capsys.readouterr().out)["runs"]) == 3


STATES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an epoch in words": lambda state: state.update(epoch="two"),
    "more epochs than its log": lambda state: state.update(epoch=3),
    "records of nothing": lambda state: state.update(metrics=[{}]),
    "a number for a weight": lambda state: state["model"].update({"conv.conv.weight": 3}),
    "a list of weights": lambda state: state.update(model=[1]),
    "no processes": lambda state: state.update(processes=[]),
    "no random numbers": lambda state: state["processes"][0].pop("rng"),
    "steps in words": lambda state: state["optimizer"].update(steps="many"),
    "steps before the first": lambda state: state["optimizer"].update(steps=-1),
    "a momentum of another size": lambda state: state["optimizer"]["state"]["conv.conv.weight"].update(
        momentum=torch.zeros(2)
    ),
    "a weight of whole numbers": lambda state: state["model"].update(
        {"classifier.conv.bias": torch.zeros(10, dtype=torch.int64)}
    ),
    "batches without images": lambda state: state.update(batch=3),
}


@pytest.mark.parametrize("case", STATES)
def test_a_forged_checkpoint_whose_checksum_fits(quick, case: str):
    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        quick(on_epoch=stop)
    run = stopped.value.path
    for name in ("best.pt", "last.pt"):
        state = torch.load(run / name, weights_only=True)
        STATES[case](state)
        content = {key: value for key, value in state.items() if key not in ("kind", "format", "sha256")}
        torch.save({"kind": KIND, "format": FORMAT, "sha256": digest(content), **content}, run / name)
    with pytest.raises(ArchbuilderError) as error:
        train(resume=run)
    (found,) = error.value.diagnostics
    assert found.code.id == "AB705" and found.span.file == str(run / "last.pt")


def test_a_tensor_that_is_larger_than_its_bytes_takes_no_memory(quick):
    run = quick("train.epochs=1").path
    state = torch.load(run / "last.pt", weights_only=True)
    state["model"]["classifier.conv.bias"] = torch.zeros(1).expand(10**13)
    torch.save(state, run / "last.pt")
    (run / "best.pt").unlink()
    with pytest.raises(ArchbuilderError, match=r"AB704 this file is damaged, .* larger than its bytes"):
        train(resume=run)
