"""What a run leaves behind, and that the figures in it are true."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from archbuilder import pipeline
from archbuilder.data.datasets import load
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.files import write_whole
from archbuilder.modules import build
from archbuilder.training import RunResult

KEYS = ["epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy"]
KEYS += ["lr", "seconds", "images_per_second", "waiting"]
FILES = [
    "architecture.yaml",
    "best.pt",
    "curves.png",
    "dataset.json",
    "environment.json",
    "facts.json",
    "last-1.pt",
    "last-2.pt",
    "last.pt",
    "metrics.jsonl",
    "samples.png",
    "weights.safetensors",
]


def records(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_folder_has_all_its_files_and_no_others(tiny: str, whole: RunResult):
    assert sorted(path.name for path in whole.path.iterdir()) == FILES
    assert whole.path.parent.name == "tiny"
    assert (whole.path / "architecture.yaml").read_text() == tiny
    assert [path for path in whole.path.parent.iterdir() if path != whole.path] == []


def test_metrics_have_one_record_per_epoch(whole: RunResult):
    found = records(whole.path)
    assert [list(record) for record in found] == [KEYS] * 4
    assert [record["epoch"] for record in found] == [1, 2, 3, 4]
    assert found == list(whole.metrics)
    assert whole.last["test_accuracy"] > 20  # it learns: chance is 10
    assert found[-1]["lr"] == pytest.approx(0.2 / 25 / 1e4)


def test_facts_and_environment_say_what_was_run(whole: RunResult):
    facts = json.loads((whole.path / "facts.json").read_text())
    state = torch.load(whole.path / "last.pt", weights_only=True)
    report = pipeline.check(whole.path / "architecture.yaml")
    assert report.graph is not None
    assert facts["totals"]["params"] == sum(p.numel() for p in build(report.graph).parameters())
    said = {"lr": 0.2, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
    assert said.items() <= facts["train"]["optimizer"]["Sgd"].items()
    environment = json.loads((whole.path / "environment.json").read_text())
    assert environment["torch"] == torch.__version__.split("+")[0]
    assert environment["seed"] == 0 and environment["overrides"] == [] and environment["device"] == "cpu"
    assert environment["threads"] == 1
    assert state["epoch"] == 4


def test_the_test_figures_are_those_of_all_test_images_in_eval_mode(tiny: str, whole: RunResult):
    """The network has dropout and BatchNorm: either in train mode would give other figures."""
    report = pipeline.check(tiny)
    assert report.spec is not None and report.spec.data is not None and report.graph is not None
    splits = load(report.spec.data, (1, 8, 8), 10)
    module = build(report.graph).eval()
    module.load_state_dict(torch.load(whole.path / "last.pt", weights_only=True)["model"])
    pixels = (np.asarray(splits.test.images, dtype=np.float64) - splits.mean) / splits.std
    images, labels = torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32), torch.tensor(splits.test.labels)
    with torch.no_grad():
        logits = module(images)
    assert len(labels) > 256  # more than a batch
    assert whole.last["test_accuracy"] == pytest.approx(100 * (logits.argmax(1) == labels).float().mean().item())
    loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1).item()
    assert whole.last["test_loss"] == pytest.approx(loss, rel=1e-4)


def test_with_a_validation_split_the_test_images_are_used_once(quick, capsys):
    result = quick("data.validation=0.2", "train.epochs=2")
    found = records(result.path)
    assert [("validation_accuracy" in r, "test_accuracy" in r) for r in found] == [(True, False), (True, True)]
    assert result.best["validation_accuracy"] == max(r["validation_accuracy"] for r in found)
    assert "chosen on the validation split" in capsys.readouterr().out


def test_best_is_the_best_epoch_and_its_checkpoint(whole: RunResult):
    best = torch.load(whole.path / "best.pt", weights_only=True)
    accuracies = [record["test_accuracy"] for record in whole.metrics]
    assert best["epoch"] == 1 + accuracies.index(max(accuracies)) == whole.best["epoch"]


def test_output_says_what_is_the_result(quick, capsys):
    result = quick()
    out = capsys.readouterr().out
    assert "tiny: 1,678 parameters; 1,442 training, 355 test images; cpu, 1 thread\n" in out
    assert [line.split("  ")[0] for line in out.splitlines()[2:6]] == [f"epoch {n}/4" for n in (1, 2, 3, 4)]
    assert f"result: test accuracy {result.last['test_accuracy']:.2f} % on 355 images after the last epoch" in out
    assert "chosen on the test images, so not a fair result" in out
    assert str(result.path) in out


def test_curves_are_a_picture(whole: RunResult):
    with Image.open(whole.path / "curves.png") as picture:
        assert picture.width >= 1000
        assert len(picture.convert("RGB").getcolors(maxcolors=10**6)) > 50


def test_seeds_and_overrides_change_a_run_and_nothing_else_does(quick, whole: RunResult):
    def weights(result: RunResult) -> torch.Tensor:
        state = torch.load(result.path / "last.pt", weights_only=True)["model"]
        return torch.cat([value.double().flatten() for value in state.values()])

    again, other = quick(), quick("train.seed=1")
    assert torch.equal(weights(again), weights(whole))
    assert not torch.equal(weights(other), weights(whole))
    assert json.loads((other.path / "environment.json").read_text())["overrides"] == ["train.seed=1"]


def test_runs_of_the_same_second_get_folders_of_their_own(quick):
    runs = [quick("train.epochs=1").path for _ in range(3)]
    assert len(set(runs)) == 3


def test_settings_of_the_process_are_put_back(quick):
    before = torch.get_num_threads()
    quick("train.epochs=1", threads=3 - min(before, 2))
    assert torch.get_num_threads() == before
    assert sys.float_info.min / 2 > 0  # denormal numbers are numbers again


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_whole(target, b"new" * 10_000, temporary=full)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (tmp_path / "file.tmp").write_bytes(b"somebody's own")
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "file.tmp"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"0": "new"}),
        ({"0": "a"}, {"0": "new", "1": "a"}),
        ({"0": "a", "1": "b", "2": "c"}, {"0": "new", "1": "a", "2": "b"}),
        ({"1": "b", "2": "c"}, {"0": "new", "1": "b", "2": "c"}),  # a kill came after the moves
        ({"0": "a", "2": "c"}, {"0": "new", "1": "a", "2": "c"}),  # a kill came between them
    ],
)
def test_what_a_file_replaces_moves_down_its_row(before: dict[str, str], after: dict[str, str], tmp_path: Path):
    for name, content in before.items():
        (tmp_path / name).write_text(content)
    write_whole(tmp_path / "0", b"new", [tmp_path / "1", tmp_path / "2"])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == after


def test_the_api_raises_what_is_wrong(quick):
    with pytest.raises(ArchbuilderError, match="AB103 epochs"):
        quick("train.epochs=0")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells how much memory a process holds")
def test_memory_does_not_grow_with_the_epochs(quick):
    def note(record: dict[str, float]) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        held.append(pages * os.sysconf("SC_PAGE_SIZE"))

    held: list[int] = []
    quick("train.epochs=20", on_epoch=note)
    assert held[19] - held[4] < 4 * 2**20
