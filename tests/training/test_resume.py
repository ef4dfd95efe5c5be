"""An interrupted run that goes on ends where an uninterrupted one ends, bit for bit."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
import torch

from archbuilder.blocks._external import forget, load_file
from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.evidence.run_summary import command
from archbuilder.run import checkpoint, folder
from archbuilder.run.folder import created, opened
from archbuilder.run.locks import is_locked, locked
from archbuilder.run.processes import ALONE, Processes
from archbuilder.trained.open import images_of, open_run
from archbuilder.training import Interrupted, RunResult, train
from archbuilder.training.learning.trainer import Trainer
from tests.training.same import files, load

SameEnd = Callable[[Path, Path], None]


def stop_after(epoch: int) -> Callable[[dict[str, Any]], None]:
    """Ctrl-C as soon as an epoch is on disk."""

    def stop(record: dict[str, Any]) -> None:
        if record["epoch"] == epoch:
            raise KeyboardInterrupt

    return stop


@pytest.fixture
def half(quick) -> Path:
    """A run of four epochs, interrupted after two."""
    with pytest.raises(Interrupted) as stop:
        quick(on_epoch=stop_after(2))
    return stop.value.path


def test_a_resumed_run_ends_like_an_uninterrupted_one(half: Path, whole: RunResult, same_end: SameEnd):
    assert len((half / "metrics.jsonl").read_text().splitlines()) == 2
    result = train(resume=half)
    assert result.path == half and len(result.metrics) == 4
    same_end(half, whole.path)


def test_a_run_that_pauses_at_an_epoch_ends_like_one_that_does_not(
    quick, whole: RunResult, same_end: SameEnd, capsys: pytest.CaptureFixture[str]
):
    paused = quick(until=2)
    assert len(paused.metrics) == 2 and not (paused.path / "weights.safetensors").exists()
    assert (
        f"paused after epoch 2 of 4; continue with: archbuilder train --resume {paused.path}" in capsys.readouterr().out
    )
    assert train(resume=paused.path, until=1).metrics == paused.metrics
    assert len(train(resume=paused.path, until=9).metrics) == 4
    same_end(paused.path, whole.path)


def test_as_many_checkpoints_are_kept_as_asked_for(quick):
    with pytest.raises(Interrupted) as stop:
        quick(on_epoch=stop_after(3), keep=3)
    run = stop.value.path
    assert [load(run / name)["epoch"] for name in ("last.pt", "last-1.pt", "last-2.pt")] == [3, 2, 1]
    train(resume=run, keep=2)
    assert sorted(path.name for path in run.glob("*.pt")) == ["best.pt", "last-1.pt", "last.pt"]
    assert [load(run / name)["epoch"] for name in ("last.pt", "last-1.pt")] == [4, 3]


def test_an_interruption_says_how_to_go_on(half: Path, quick):
    said = r"2 of 4 epochs are kept in .*\ncontinue with: archbuilder train --resume "
    with pytest.raises(KeyboardInterrupt, match=said):
        quick(on_epoch=stop_after(2))
    assert (half / "curves.png").exists()


def test_it_can_be_interrupted_again_and_again(half: Path, whole: RunResult, same_end: SameEnd):
    with pytest.raises(Interrupted):
        train(resume=half, on_epoch=stop_after(3))
    train(resume=half)
    same_end(half, whole.path)
    resumed = json.loads((half / "environment.json").read_text())["resumed"]
    assert [entry["after_epoch"] for entry in resumed] == [2, 3]


@pytest.mark.parametrize("torn", ['{"epoch": 1, "train_lo', "", '{"epoch": 1}\n{"epoch": 2}\n{"epoch": 3}\n'])
def test_metrics_are_those_of_the_checkpoint_whatever_a_kill_left(
    half: Path, whole: RunResult, same_end: SameEnd, torn: str
):
    (half / "metrics.jsonl").write_text(torn)
    (half / "last.pt.tmp").write_bytes(b"half a checkpoint")
    train(resume=half)
    same_end(half, whole.path)
    assert not list(half.glob("*.tmp"))


def test_a_run_without_a_checkpoint_begins_at_its_first_epoch(half: Path, whole: RunResult, same_end: SameEnd):
    for name in ("last.pt", "last-1.pt", "best.pt", "metrics.jsonl", "curves.png"):
        (half / name).unlink()
    train(resume=half)
    same_end(half, whole.path)


WIDE = """\
archbuilder: 1
input: [3, 8, 8]
classes: 10
network:
  - conv: {out: 24}
  - skip: {blocks: [{depthwise: {dilation: 2}}, {pointwise: {out: 24}}, {grouped: {out: 24, groups: 4}}]}
  - strided: {out: 32, dropout: 0.2}
  - gap
  - classifier
data: {dataset: digits, batch_size: 512, augment: [shift_scale_rotate, {coarse_dropout: {height: 4, width: 4}}]}
"""


def test_two_threads_end_alike_too(quick, same_end: SameEnd):
    """Wide enough that torch divides the work, and every kind of conv."""
    overrides, options = ("train.epochs=2",), {"text": WIDE, "threads": 2}
    full = quick(*overrides, **options)
    with pytest.raises(Interrupted) as stop:
        quick(*overrides, **options, on_epoch=stop_after(1))
    train(resume=stop.value.path)
    same_end(stop.value.path, full.path)


def test_overrides_adamw_and_a_validation_split_survive(quick, same_end: SameEnd):
    overrides = (
        "train.optimizer={adamw: {lr: 0.01}}",
        "train.schedule={step: {every: 1, gamma: 0.5}}",
        "data.validation=0.1",
        "train.epochs=3",
        "train.seed=7",
    )
    full = quick(*overrides)
    with pytest.raises(Interrupted) as stop:
        quick(*overrides, on_epoch=stop_after(1))
    train(resume=stop.value.path)
    same_end(stop.value.path, full.path)


def test_a_finished_run_says_so_and_stays_as_it_is(quick, capsys):
    run = quick("train.epochs=1").path
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*.*")}
    capsys.readouterr()
    result = train(resume=run)
    assert "is finished: its only epoch is trained" in capsys.readouterr().out
    assert len(result.metrics) == 1
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*.*")} == before


def test_a_kill_after_the_last_epoch_leaves_only_the_picture_to_be_made(quick):
    run = quick("train.epochs=1").path
    (run / "curves.png").unlink()
    train(resume=run)
    assert (run / "curves.png").exists()


class First(Processes):
    """The first of two, which waits for no other."""

    count = 2


def test_the_schedule_ends_with_the_run_whatever_number_of_processes_began_it(quick):
    """1,442 digits in batches of 288 leave a last batch of two: a batch for one process, but too small for two."""
    plan = open_run(quick("train.epochs=2", "data.batch_size=288").path).plan
    splits, place = images_of(plan), torch.device("cpu")
    two, one = (Trainer(plan, splits, place, processes) for processes in (First(), ALONE))
    assert (two.batches, one.batches) == (5, 6)
    for begun, other in ((two, one), (one, two)):
        begun.epoch(lambda epoch, score: None)
        other.restore(begun.state())
        assert other.schedule.progress == 0.5
        other.epoch(lambda epoch, score: None)
        assert other.schedule.progress == 1
        begun.metrics.clear()
        other.metrics.clear()


def test_blocks_of_files_are_found_again(tiny: str, tmp_path: Path, capsys):
    """With --resume and with the command from a report; if the file is missing, the message names it."""
    file, net = tmp_path / "double_conv.py", tmp_path / "net.yaml"
    file.write_text((Path(__file__).parents[2] / "examples" / "double_conv.py").read_text())
    net.write_text(tiny.replace("- gap", "- double_conv: 12\n  - gap"))
    try:
        load_file(str(file))
        with pytest.raises(Interrupted) as stop:
            train(net, out=tmp_path / "runs", device="cpu", threads=1, report=False, on_epoch=stop_after(1))
        run = stop.value.path
        assert f"--blocks {file}" in command(open_run(run))
        forget()
        with pytest.raises(ArchbuilderError, match="double_conv"):
            open_run(run)  # what only reads a run runs no code of it
        assert len(train(resume=run).metrics) == 4
        forget()
        moved = file.rename(tmp_path / "moved.py")
        assert main(["train", "--resume", str(run)]) == 2
        message = f"AB702 the run was started with the blocks of {file}, but there is no such file"
        assert message in capsys.readouterr().err
        (tmp_path / "elsewhere").mkdir()
        moved = moved.rename(tmp_path / "elsewhere" / "double_conv.py")
        assert main(["train", "--resume", str(run), "--blocks", str(moved)]) == 0
    finally:
        forget()


def test_a_resumed_run_says_what_is_not_as_it_was(half: Path, capsys):
    environment = json.loads((half / "environment.json").read_text())
    (half / "environment.json").write_text(json.dumps({**environment, "torch": "0.0.1"}))
    capsys.readouterr()
    train(resume=half, threads=2)
    out = capsys.readouterr().out
    assert "cpu, 2 threads" in out
    assert "note: torch was 0.0.1 when the run started, and is" in out
    assert "note: threads was 1 when the run started, and is 2 now" in out
    assert "device was" not in out


def test_a_resumed_run_takes_as_many_threads_as_before(half: Path, capsys):
    capsys.readouterr()
    train(resume=half)
    assert "cpu, 1 thread\n" in capsys.readouterr().out


def test_a_data_file_beside_the_yaml_is_found_again(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    images, labels = np.random.default_rng(0).integers(0, 256, (64, 8, 8), dtype=np.uint8), np.arange(64) % 10
    (tmp_path / "nets").mkdir()
    np.savez(tmp_path / "nets" / "own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    (tmp_path / "nets" / "net.yaml").write_text(tiny.replace("digits", "own.npz").replace("256", "32"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Interrupted) as stop:
        train("nets/net.yaml", device="cpu", on_epoch=stop_after(1))
    assert stop.value.path.parts[:2] == ("runs", "tiny")
    run = stop.value.path.absolute()
    monkeypatch.chdir("/")
    assert len(train(resume=run).metrics) == 4


def damaged(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not a checkpoint")
    elif how == "one bit":  # in the middle of the weights: torch itself would read it without a word
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif how == "unsafe":
        torch.save({"kind": Path("/")}, path)


HOW = ["truncated", "empty", "text", "one bit", "unsafe"]


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(
    half: Path, whole: RunResult, same_end: SameEnd, how: str, capsys
):
    (half / "best.pt").unlink()
    damaged(half / "last.pt", how)
    content = (half / "last.pt").read_bytes()
    capsys.readouterr()
    train(resume=half)
    out = capsys.readouterr().out
    assert "note: last.pt is damaged and was renamed to last.damaged" in out
    assert "note: the run continues from last-1.pt, after epoch 1 and 0 batches" in out
    assert (half / "last.damaged").read_bytes() == content
    (half / "last.damaged").unlink()
    same_end(half, whole.path)


def test_the_newest_whole_checkpoint_may_be_that_of_the_best_epoch(
    half: Path, whole: RunResult, same_end: SameEnd, capsys
):
    damaged(half / "last.pt", "truncated")
    damaged(half / "last-1.pt", "empty")
    best = load(half / "best.pt")["epoch"]
    train(resume=half)
    assert f"the run continues from best.pt, after epoch {best}" in capsys.readouterr().out
    for name in ("last.damaged", "last-1.damaged"):
        (half / name).unlink()
    same_end(half, whole.path)


def test_where_no_checkpoint_is_whole_the_run_is_refused_and_left_alone(half: Path):
    for path in half.glob("*.pt"):
        damaged(path, "text")
    before = files(half)
    with pytest.raises(ArchbuilderError, match="AB704 this file is damaged, or not a checkpoint") as error:
        train(resume=half)
    (found,) = error.value.diagnostics
    assert found.span.file == str(half / "last.pt") and "starts again at epoch 1" in found.hint
    assert files(half) == before


def test_what_is_no_checkpoint_of_this_version_is_refused(half: Path):
    state = load(half / "last.pt")
    torch.save({**state, "format": 1}, half / "last.pt")
    with pytest.raises(ArchbuilderError, match="AB705 this has format 1, but this version reads 2"):
        train(resume=half)
    torch.save({"state_dict": {}}, half / "last.pt")
    with pytest.raises(ArchbuilderError, match="AB705 this is not a checkpoint of archbuilder"):
        train(resume=half)


def test_a_checkpoint_of_another_network_is_refused(half: Path):
    state, plan = load(half / "last.pt"), open_run(half).plan
    for key in ("kind", "format", "sha256"):
        del state[key]
    state["model"].popitem()
    (half / "last.pt").write_bytes(checkpoint.dump(state, plan))
    with pytest.raises(ArchbuilderError, match=r"AB705 this does not fit the network: there is no model\.classifier"):
        train(resume=half)


def test_a_checkpoint_that_cannot_be_read_is_not_set_aside(half: Path):
    (half / "last.pt").unlink()
    (half / "last.pt").mkdir()  # as good as a bad disk
    with pytest.raises(ArchbuilderError, match=r"AB702 last.pt cannot be read: this is a folder"):
        train(resume=half)


def test_a_run_whose_yaml_was_changed_is_refused_with_the_difference(half: Path, quick):
    path = half / "architecture.yaml"
    text = path.read_text()
    path.write_text("# a comment is free\n" + text.replace("lr: 0.2", "lr: 0.3").replace("name: tiny", "name: small"))
    with pytest.raises(ArchbuilderError) as error:
        train(resume=half)
    name, rate = error.value.diagnostics
    assert name.message == "name is 'small', but last.pt was trained with 'tiny'"
    assert rate.message == "train.optimizer.sgd.lr is 0.3, but last.pt was trained with 0.2"
    assert (rate.code.id, rate.span.line, rate.span.file) == ("AB731", 20, str(path))
    assert f"--init {half}" in name.hint
    path.write_text(text)
    shutil.copy(quick("train.seed=3", "train.epochs=1").path / "last.pt", half / "last.pt")
    with pytest.raises(ArchbuilderError, match=r"AB731 train.epochs is 4, but last.pt was trained with 1"):
        train(resume=half)


def test_comments_may_be_changed(half: Path, whole: RunResult, same_end: SameEnd):
    path = half / "architecture.yaml"
    path.write_text(path.read_text() + "# ran overnight\n")
    train(resume=half)
    same_end(half, whole.path)


def test_differences_name_every_path():
    before = {"a": 1, "b": [1, {"c": 2}], "gone": None, "same": 0}
    now = {"a": 1.0, "b": [1, {"c": 3}, 4], "same": 0, "new": False}
    assert [(keys, was, value) for keys, was, value in checkpoint.differences(before, now)] == [
        (("a",), 1, 1.0),
        (("b", 1, "c"), 2, 3),
        (("b", 2), checkpoint.ABSENT, 4),
        (("gone",), None, checkpoint.ABSENT),
        (("new",), checkpoint.ABSENT, False),
    ]


@contextmanager
def looked_at(folder: Path) -> Iterator[int]:
    """Check in a loop whether a folder is locked, until the block ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_a_look_at_a_run_neither_holds_it_nor_keeps_it_from_going_on(tmp_path: Path):
    with looked_at(tmp_path) as descriptor:
        assert not is_locked(tmp_path)  # two may look at once
        end_of_it = Timer(0.2, fcntl.flock, (descriptor, fcntl.LOCK_UN))
        end_of_it.start()
        with opened(tmp_path):
            assert is_locked(tmp_path)
        end_of_it.join()
    assert not is_locked(tmp_path)


@pytest.mark.raises_code("AB703")
def test_a_run_that_is_being_trained_is_not_resumed(quick, tmp_path: Path):
    refused = []

    def second(record: dict[str, Any]) -> None:
        (run,) = tmp_path.glob("runs/tiny/*")
        with pytest.raises(ArchbuilderError, match="AB703 another process is training this run"):
            train(resume=run)
        refused.append(run)

    assert quick("train.epochs=1", on_epoch=second).path == refused[0]


def test_no_report_is_written_into_a_run_that_is_being_trained(quick, tmp_path: Path, capsys):
    refused = []

    def second(record: dict[str, Any]) -> None:
        (run,) = tmp_path.glob("runs/tiny/*")
        assert main(["report", str(run), "--device", "cpu"]) == 2
        refused.append(run)

    run = quick("train.epochs=1", on_epoch=second).path
    assert "AB703 another process is training this run" in capsys.readouterr().err
    assert refused == [run] and not (run / "report.html").exists()
    assert main(["report", str(run), "--device", "cpu"]) == 0


def test_what_a_killed_start_has_left_is_removed_by_the_next_one(quick, tmp_path: Path):
    """The temporary folder of a start that is still running is kept."""
    parent = tmp_path / "runs" / "tiny"
    (parent / ".starting-dead" / "seed-0").mkdir(parents=True)
    (parent / ".starting-dead" / "architecture.yaml").touch()
    with created(parent) as alive:
        run = quick("train.epochs=1").path
        assert {path.name for path in parent.iterdir()} == {run.name, alive.path.name}
    assert {path.name for path in parent.iterdir()} == {run.name}


def test_a_start_whose_folder_is_taken_for_abandoned_makes_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another process may look at a folder after it is made and before it is locked."""
    made: list[Path] = []

    @contextmanager
    def slowly(path: Path) -> Iterator[bool]:
        if not made:
            folder._remove_abandoned(path)
        made.append(path)
        with locked(path) as mine:
            yield mine

    monkeypatch.setattr(folder, "locked", slowly)
    with created(tmp_path) as found:
        assert len(made) == 2 and found.path == made[1]
        assert list(tmp_path.iterdir()) == [found.path]


def test_what_is_no_run_is_named(tmp_path: Path, half: Path):
    with pytest.raises(ArchbuilderError, match=r"AB702 architecture.yaml cannot be read") as error:
        train(resume=tmp_path / "nothing")
    assert error.value.exit_status == 2
    with pytest.raises(ArchbuilderError, match="a run is a folder: give the one that archbuilder train printed"):
        train(resume=half / "architecture.yaml")
    with pytest.raises(ArchbuilderError, match=f"did you mean {half}"):
        train(resume=half.parent)
    (half / "environment.json").write_text("{}")
    with pytest.raises(ArchbuilderError, match="AB702 this does not say how the run was started"):
        train(resume=half)
    (half / "environment.json").write_text("[1")
    with pytest.raises(ArchbuilderError, match="AB702 this is no JSON object"):
        train(resume=half)


def test_a_resumed_run_takes_no_other_network(half: Path, tiny: str):
    for source, overrides in ((tiny, ()), (None, ("train.epochs=9",))):
        with pytest.raises(ArchbuilderError, match="AB710 a resumed run has its own") as error:
            train(source, overrides=overrides, resume=half)
        assert error.value.exit_status == 2
