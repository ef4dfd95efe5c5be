"""Whatever goes wrong is one clear diagnostic, and nothing already written is lost."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.training import RunResult, train
from archbuilder.training.learning.device import pick
from archbuilder.training.torch_errors import explained
from tests.training.same import load

SameEnd = Callable[[Path, Path], None]


def refused(quick: Any, *overrides: str, **options: Any) -> ArchbuilderError:
    with pytest.raises(ArchbuilderError) as error:
        quick(*overrides, **options)
    return error.value


# before the first epoch


def test_a_network_that_its_check_refuses_is_not_trained(quick, tiny: str, tmp_path: Path, capsys):
    (tmp_path / "net.yaml").write_text(tiny + 'limits: {params: "< 100"}\n')
    arguments = [
        "train",
        str(tmp_path / "net.yaml"),
        "--out",
        str(tmp_path / "runs"),
        "--set",
        "train.epochs=1",
        "--no-report",
    ]
    assert main(arguments) == 1
    found = capsys.readouterr().err
    assert "1,678" in found and "AB707 not trained: check found 1 error" in found and "--no-check" in found
    assert not (tmp_path / "runs").exists()
    assert main([*arguments, "--no-check", "--threads", "1"]) == 0
    assert "note: its check found errors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("out: 6", "out: six", "AB103"),
        ("lr: 0.2", "lr: -1", "AB103"),
        ("one_cycle", "onecycle", "AB101"),
        ("epochs: 4", "epochs: 0", "AB103"),
        ("classes: 10", "clases: 10", "AB101"),
        ("  - classifier", "  - linear: {out: 7}", "AB"),
    ],
)
def test_a_wrong_file_is_wrong_with_or_without_check(quick, tiny: str, tmp_path: Path, old: str, new: str, code: str):
    for check in (True, False):
        error = refused(quick, text=tiny.replace(old, new), check=check)
        assert error.diagnostics[0].code.id.startswith(code)
    assert not (tmp_path / "runs").exists()


def test_a_file_has_to_name_images_and_classes(quick, tiny: str):
    bare = tiny[: tiny.index("data:")].replace("classes: 10\n", "").replace("  - classifier\n", "")
    error = refused(quick, text=bare)
    assert [d.code.id for d in error.diagnostics] == ["AB708", "AB709"]


def test_a_file_without_a_recipe_trains_by_the_defaults(quick, tiny: str):
    result = quick("train.epochs=1", text=tiny[: tiny.index("train:")])
    assert result.last["lr"] == pytest.approx(0.1 / 25 / 1e4)


def test_a_network_without_parameters_cannot_be_trained(quick, tiny: str, tmp_path: Path):
    start, end = tiny.index("network:"), tiny.index("data:")
    text = tiny[:start].replace("defaults: {dropout: 0.1}\n", "") + "network: [gap]\n" + tiny[end:]
    text = text.replace("[1, 8, 8]", "[10, 8, 8]").replace("augment:", "# augment:")
    error = refused(quick, text=text)
    assert "AB711 the network has no parameters to train" in str(error)
    assert not list((tmp_path / "runs").rglob("*"))  # what was begun is removed again


@pytest.mark.raises_code("AB706")
def test_a_device_that_is_not_there_is_named(quick):
    missing = "cuda" if not torch.cuda.is_available() else "mps"
    error = refused(quick, device=missing)
    assert f"AB706 there is no device {missing}: " in str(error) and error.exit_status == 2


@pytest.mark.parametrize(
    ("built", "reason"), [(True, "this machine has no visible GPU"), (False, "was built without it")]
)
def test_a_torch_for_gpus_is_told_from_one_without(built: bool, reason: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: built)
    with pytest.raises(ArchbuilderError, match=f"AB706 there is no device cuda: .*{reason}") as error:
        pick("cuda")
    assert "cpu" in error.value.diagnostics[0].hint


def test_a_place_that_cannot_be_written_is_found_before_the_first_epoch(tiny: str, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ArchbuilderError, match="AB701 no run folder can be created here: Not a directory") as error:
        train(tiny, out=tmp_path / "file")
    assert "--out" in error.value.diagnostics[0].hint


def test_nothing_to_train_and_missing_files_give_status_2(tmp_path: Path, capsys):
    assert main(["train"]) == 2
    assert main(["train", str(tmp_path / "none.yaml")]) == 2
    assert main(["train", "--resume", str(tmp_path / "none")]) == 2
    assert main(["train", str(tmp_path / "none.yaml"), "--set", "train.epochs"]) == 2
    found = capsys.readouterr().err
    assert "AB710" in found and "AB001" in found and "AB702" in found and "Traceback" not in found


@pytest.mark.parametrize("words", [["--minutes", "inf"], ["--minutes", "-1"], ["--keep", "0"], ["--repeat", "two"]])
def test_numbers_that_make_no_sense(words: list[str], capsys):
    with pytest.raises(SystemExit):
        main(["train", "net.yaml", *words])
    assert f"{words[0]}: '{words[1]}' is not a" in capsys.readouterr().err


@pytest.mark.raises_code("AB700")
def test_a_missing_package_is_named(quick, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "archbuilder.training.session", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ArchbuilderError, match="AB700 training needs torch, which is not installed"):
        quick()


def test_what_a_tracker_needs_is_named(quick, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "archbuilder.training.trackers", raising=False)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ArchbuilderError, match="AB700 training needs accelerate, which is not installed"):
        quick(log=["tensorboard"])


def test_classes_that_never_occur_are_said_before_the_first_epoch(quick, tiny: str, tmp_path: Path, capsys):
    images, labels = np.random.default_rng(0).integers(0, 256, (120, 8, 8), np.uint8), np.arange(60) % 3
    np.savez(tmp_path / "few.npz", x_train=images[:60], y_train=labels, x_test=images[60:], y_test=labels)
    given = (f"data.dataset={tmp_path / 'few.npz'}", "data.batch_size=30", "train.epochs=1")
    quick(*given)
    said = "note: 7 of 10 classes have no training image: 3, 4, 5, 6, 7 and 2 more; is classes: 10 intended?"
    assert f"{said}\nrun: " in capsys.readouterr().out
    quick(*given, "classes=4")
    assert "note: 1 of 4 classes has no training image: 3; is classes: 4" in capsys.readouterr().out
    quick("train.epochs=1")
    assert "note:" not in capsys.readouterr().out


# in the middle of a run


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(quick, tmp_path: Path):
    diverging = ("train.schedule={step: {every: 2, gamma: 1.0e30}}", "train.epochs=6")
    error = refused(quick, *diverging)
    (found,) = error.diagnostics
    assert found.code.id == "AB712" and "epoch 3" in found.message and "lr: 0.2" in found.hint
    (run,) = tmp_path.glob("runs/tiny/*")
    state = torch.load(run / "last.pt", weights_only=True)
    assert state["epoch"] == 2
    assert all(value.isfinite().all() for value in state["model"].values())
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_batch_of_one_value_per_channel_is_explained(quick, tiny: str):
    text = tiny.replace("  - gap\n", "  - gap\n  - norm\n").replace("batch_size: 256", "batch_size: 1")
    error = refused(quick, text=text)
    assert "AB714 batch normalisation cannot learn from one value per channel" in str(error)


@pytest.mark.raises_code("AB734")
def test_a_process_that_is_lost_is_explained(tiny: str):
    """As torch says it; tests/training/test_several.py loses one."""
    from archbuilder.run import plan
    from archbuilder.run.options import Options

    wanted = plan.new(tiny, (), "runs", Options(), check=True)
    with pytest.raises(ArchbuilderError, match="AB734 another process of this run has ended"), explained(wanted):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:4321")


@pytest.mark.raises_code("AB713")
def test_too_little_memory_is_explained(tiny: str):
    from archbuilder.run import plan
    from archbuilder.run.options import Options

    wanted = plan.new(tiny, (), "runs", Options(), check=True)
    with pytest.raises(ArchbuilderError, match=r"AB713 .*allocate") as error, explained(wanted):
        torch.empty(2**46, dtype=torch.int8)
    assert (
        "lower batch_size (256 now; batch_size: 128 with accumulate: 2 makes the same steps"
        in error.value.diagnostics[0].hint
    )
    with pytest.raises(RuntimeError, match="something else"), explained(wanted):
        raise RuntimeError("something else")


def fill_after(epoch: int, name: str, tmp_path: Path) -> Callable[[dict[str, Any]], None]:
    """The next writing of a file meets a full disk; the one after it does not."""

    def fill(record: dict[str, Any]) -> None:
        if record["epoch"] == epoch:
            (run,) = tmp_path.glob("runs/tiny/*")
            (run / f"{name}.tmp").symlink_to("/dev/full")

    return fill


@pytest.mark.parametrize("name", ["best.pt", "last.pt", "metrics.jsonl"])
def test_a_disk_that_is_full_for_a_while_costs_nothing(
    quick, whole: RunResult, same_end: SameEnd, tmp_path: Path, name: str, capsys
):
    run = quick(on_epoch=fill_after(2, name, tmp_path)).path
    said = f"warning: AB701 {name} cannot be written: No space left on device; training continues"
    assert said in capsys.readouterr().out
    for name in {path.name for path in whole.path.iterdir()} - {path.name for path in run.iterdir()}:
        assert name == "last-2.pt"  # the epoch that was not written has no file
        (run / name).touch()
    same_end(run, whole.path)


def test_a_disk_that_is_full_in_an_epoch_costs_nothing(
    quick, whole: RunResult, same_end: SameEnd, tmp_path: Path, capsys
):
    run = quick(on_epoch=fill_after(2, "midway.pt", tmp_path), minutes=0).path
    assert "warning: AB701 midway.pt cannot be written: No space left" in capsys.readouterr().out
    same_end(run, whole.path)


@pytest.mark.parametrize("name", ["best.pt", "last.pt", "metrics.jsonl", "weights.safetensors", "curves.png"])
def test_a_disk_that_is_full_at_the_end_loses_nothing(
    quick, whole: RunResult, same_end: SameEnd, tmp_path: Path, name: str
):
    error = refused(quick, on_epoch=fill_after(4 if name.endswith(("s", "g")) else 3, name, tmp_path))
    (run,) = tmp_path.glob("runs/tiny/*")
    (found,) = error.diagnostics
    assert f"AB701 {name} cannot be written: No space left on device" in str(error) and error.exit_status == 1
    assert f"archbuilder train --resume {run}" in found.hint
    assert not list(run.glob("*.tmp"))
    train(resume=run)
    same_end(run, whole.path)


def limited(size: int) -> Callable[[], None]:
    """Limit the size of files that the process can write; return a function that removes the limit."""
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)


def test_a_checkpoint_cut_off_in_the_middle_loses_nothing(quick, whole: RunResult, same_end: SameEnd, tmp_path: Path):
    undo = []
    try:
        error = refused(quick, on_epoch=lambda r: undo.append(limited(9_000)) if r["epoch"] == 2 else None)
    finally:
        undo[0]()
    assert "pt cannot be written: File too large" in str(error)
    (run,) = tmp_path.glob("runs/tiny/*")
    assert load(run / "last.pt")["epoch"] == 2
    assert not list(run.glob("*.tmp"))
    train(resume=run)
    same_end(run, whole.path)


def test_a_disk_that_cannot_hold_a_checkpoint_is_found_before_the_first_epoch(quick, tmp_path: Path):
    undo = limited(12_000)  # facts.json fits, the first checkpoint does not
    try:
        error = refused(quick, on_epoch=lambda record: pytest.fail("an epoch was trained"))
    finally:
        undo()
    assert "AB701" in str(error) and "cannot be written: File too large" in str(error)
    assert not list((tmp_path / "runs").rglob("*"))


@pytest.mark.raises_code("AB730")
def test_a_disk_that_is_too_full_is_found_before_the_first_epoch(quick, tmp_path: Path, monkeypatch):
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=3 * 2**20))
    error = refused(quick, on_epoch=lambda record: pytest.fail("an epoch was trained"))
    assert "AB730 3.0 MiB are free, and the run needs about 4." in str(error) and error.exit_status == 2
    assert "--keep 1" in error.diagnostics[0].hint
    assert not list((tmp_path / "runs").rglob("*"))


def test_a_place_where_nothing_can_be_written_is_found_before_the_first_epoch(tiny: str):
    with pytest.raises(ArchbuilderError, match="AB701 no run folder can be created here") as error:
        train(tiny, out="/proc/self")  # nobody may write there, root neither
    assert "--out" in error.value.diagnostics[0].hint


def test_a_state_that_is_no_number_is_not_saved(quick, tmp_path: Path):
    """With a checkpoint after every batch, the last one before the loss became NaN is kept."""
    error = refused(quick, "train.schedule={step: {every: 2, gamma: 1.0e30}}", "train.epochs=6", minutes=0)
    assert "AB712 the training loss of epoch 3 is" in str(error)
    (run,) = tmp_path.glob("runs/tiny/*")
    state = load(run / "midway.pt")
    assert state["epoch"] == 2
    assert all(value.isfinite().all() for value in state["model"].values())
