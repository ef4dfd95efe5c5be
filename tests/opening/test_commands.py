"""A run is accepted by every command that takes an architecture, as it was trained, and told from other runs."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archbuilder.cli import main
from archbuilder.evidence.comparison import compare
from archbuilder.evidence.run_summary import command, story_part
from archbuilder.pipeline import check
from archbuilder.run.listing import listing
from archbuilder.trained.open import open_run
from archbuilder.training import Interrupted, train
from tests.opening.conftest import ALONE, NET, WIDE

WORDS = "a run, trained with --set vars.width=8"


@pytest.mark.parametrize("words", ["rf", "summary", "export --to json", "export --to python", "compare net.yaml"])
def test_a_run_is_shown_as_it_was_trained(
    words: str, wide: Path, folder: Path, program: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder)
    name, *options = words.split()
    of_run = program(name, *options, wide)
    of_file = program(name, *options, "net.yaml", "--set", WIDE) if name != "compare" else None
    assert of_run.status == 0 and f"{wide}: {WORDS}" in of_run.err
    assert of_file is None or of_run.out == of_file.out


def test_check_says_something_of_the_run(wide: Path, program: Any):
    told = program("check", "-q", wide)
    accuracy = open_run(wide).metrics[-1]["test_accuracy"]
    assert (
        f"run              finished, 1/1 epochs, test accuracy {accuracy:.2f} %; trained with --set {WIDE}" in told.out
    )
    found = json.loads(program("check", wide, "--format", "json").out)["files"][0]
    assert found["run"] == {"folder": str(wide), "overrides": [WIDE]}
    assert found["totals"]["params"] == open_run(wide).plan.report.facts.params  # type: ignore[union-attr]


def test_a_walk_leaves_runs_out_unless_they_are_named(wide: Path, folder: Path, program: Any):
    files = {file["file"] for file in json.loads(program("check", folder, "--format", "json").out)["files"]}
    assert str(folder / "net.yaml") in files and not any("runs" in Path(file).parts for file in files)
    told = program("check", folder / "runs")
    assert told.status == 2 and f"to check a run, name it: {wide.parent}" in told.out
    assert program("check", wide).status == 0


def test_further_overrides_come_after_those_of_the_run(wide: Path, folder: Path, program: Any):
    assert check(wide, ["vars.width=3"]).facts.params == check(folder / "net.yaml", ["vars.width=3"]).facts.params  # type: ignore[union-attr]
    told = program("compare", wide, folder / "net.yaml", "--set", "vars.width=3", "--format", "json")
    one, other = json.loads(told.out)["files"]
    assert one["totals"]["params"] == other["totals"]["params"] and other["run"] is None


def test_a_run_is_exported_with_its_weights(wide: Path, folder: Path, tmp_path: Path, program: Any):
    own, named = tmp_path / "own.pt2", tmp_path / "named.pt2"
    assert program("export", wide, "--to", "torch", "--out", own).status == 0
    assert program("export", wide, "--to", "torch", "--out", named, "--weights", wide).status == 0
    import torch

    x = torch.rand(2, 1, 8, 8)
    network = open_run(wide).network()
    for file in (own, named):
        torch.testing.assert_close(torch.export.load(file).module()(x), network(x))
    assert f"add --out {wide.parent.name}.pt2" in program("export", wide, "--to", "torch").err
    told = program("export", folder / "net.yaml", "--to", "torch", "--out", tmp_path / "x.pt2", "--weights", wide)
    assert told.status == 1 and f"hint: export the run's own network: archbuilder export {wide}" in told.err


def test_a_run_can_be_trained_anew(wide: Path, folder: Path, tmp_path: Path):
    again = train(wide, out=tmp_path, **ALONE).path
    assert (again / "weights.safetensors").read_bytes() == (wide / "weights.safetensors").read_bytes()
    third = train(again, overrides=["train.seed=1"], out=tmp_path, **ALONE).path
    assert open_run(third).plan.overrides == (WIDE, "train.seed=1")
    environments = [json.loads((run / "environment.json").read_text()) for run in (wide, again, third)]
    assert {noted["source"] for noted in environments} == {str(folder / "net.yaml")}


@pytest.mark.raises_code("AB717")
def test_a_run_is_not_edited(wide: Path, program: Any):
    before = {path: path.read_bytes() for path in wide.rglob("*.*")}
    assert program("check", wide, "--fix").status == 2
    assert program("check", wide, "--suggest", "--rules", "mcu").status in (0, 1)
    assert {path: path.read_bytes() for path in wide.rglob("*.*")} == before


def test_a_folder_of_runs_is_told_from_a_run(wide: Path, program: Any):
    for name in ("rf", "summary"):
        told = program(name, wide.parent)
        assert told.status == 2 and f"hint: did you mean the run {wide.parent}" in told.err


@pytest.mark.parametrize("by_option", [True, False])
def test_paths_count_from_where_they_were_written(by_option: bool, folder: Path, tmp_path: Path, monkeypatch: Any):
    """Of a data set beside the base, which lies in another folder, or beside who typed an override."""
    (tmp_path / "base").mkdir()
    (tmp_path / "mine").mkdir()
    images, labels = np.random.default_rng(0).integers(0, 256, (64, 8, 8), dtype=np.uint8), np.arange(64) % 10
    np.savez(tmp_path / "base" / "own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    few = NET.replace("256", "32")
    (tmp_path / "base" / "base.yaml").write_text(few if by_option else few.replace("digits", "own.npz"))
    (tmp_path / "mine" / "net.yaml").write_text("extends: ../base/base.yaml\n")
    monkeypatch.chdir(tmp_path / "base")
    overrides = ["data.dataset=own.npz"] if by_option else []
    run = train(Path("../mine/net.yaml"), overrides=overrides, out=tmp_path / "runs", **ALONE).path
    monkeypatch.chdir(folder)
    assert len(open_run(run).splits.test) == 64
    assert train(resume=run, **ALONE).last["epoch"] == 1
    assert (
        train(run, out=tmp_path / "again", **ALONE).last["test_accuracy"] == open_run(run).metrics[-1]["test_accuracy"]
    )


# several runs


def test_runs_says_what_sets_runs_of_one_network_apart(plain: Path, wide: Path, folder: Path, capsys: Any):
    apart = {run.path: run.differs for run in listing(folder / "runs") if run.path in (str(plain), str(wide))}
    assert "vars.width=4" in apart[str(plain)] and "vars.width=8" in apart[str(wide)]
    capsys.readouterr()
    assert main(["runs", str(folder / "runs")]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.endswith("differs in")
    assert any(str(wide) in row and "vars.width=8" in row for row in rows)


def test_a_comparison_says_what_differs_and_labels_curves_by_it(plain: Path, wide: Path, tmp_path: Path, capsys: Any):
    found = compare([open_run(plain), open_run(wide)])
    assert ("vars.width", "4", "8") in found.differences.rows
    assert found.captions == ("vars.width=4", "vars.width=8")
    assert main(["report", str(plain), str(wide), "--out", str(tmp_path)]) == 0
    assert "vars.width  4" in capsys.readouterr().out
    assert "vars.width" in (tmp_path / "comparison.md").read_text()


OTHERS = {
    "a block": NET.replace("gap,", "{conv: 5}, gap,"),
    "a field": NET.replace("{conv: width}", "{conv: {out: width, kernel: 5}}"),
    "defaults": NET + "defaults: {activation: gelu}\n",
    "another network": NET.replace("{conv: width}", ", ".join(f"{{conv: {n}}}" for n in range(2, 12))),
}


@pytest.mark.parametrize("what", OTHERS)
def test_networks_of_one_name_are_told_apart(what: str, plain: Path, tmp_path: Path):
    (tmp_path / "net.yaml").write_text(OTHERS[what])
    other = train(tmp_path / "net.yaml", out=tmp_path / "runs", **ALONE).path
    found = compare([open_run(plain), open_run(other)])
    names = [row[0] for row in found.differences.rows]
    assert names and all(name.split(".")[0] in ("network", "defaults", "blocks") for name in names)
    assert found.seeds == "" and len(set(found.captions)) == 2
    shutil.copytree(plain, tmp_path / "runs" / "net" / "first")
    assert len({run.differs for run in listing(tmp_path / "runs")}) == 2


# what was typed


@pytest.mark.parametrize("trained", [0, 1])
def test_after_a_resumption_the_first_command_is_given(trained: int, folder: Path, tmp_path: Path, monkeypatch: Any):
    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    first = f"archbuilder train {folder / 'net.yaml'} --set train.epochs=2"
    monkeypatch.setattr("sys.argv", shlex.split(first))
    with pytest.raises(Interrupted) as stopped:
        train(folder / "net.yaml", overrides=["train.epochs=2"], out=tmp_path, on_epoch=stop, **ALONE)
    run = stopped.value.path
    if not trained:  # as if it had been killed before its first checkpoint
        for path in (*run.glob("*.pt"), run / "metrics.jsonl"):
            path.unlink()
    monkeypatch.setattr("sys.argv", ["archbuilder", "train", "--resume", str(run)])
    train(resume=run, **ALONE)
    noted = json.loads((run / "environment.json").read_text())
    assert noted["command"] == first and story_part(open_run(run)).typed == first
    assert [entry["command"] for entry in noted.get("resumed", [])] == [f"archbuilder train --resume {run}"] * trained


def test_the_command_of_a_report_trains_the_same_again(wide: Path, tmp_path: Path):
    words = shlex.split(command(open_run(wide)))
    assert main([*words[1:], "--no-report", "--out", str(tmp_path)]) == 0
    (again,) = tmp_path.glob("net/*")
    assert (again / "weights.safetensors").read_bytes() == (wide / "weights.safetensors").read_bytes()
