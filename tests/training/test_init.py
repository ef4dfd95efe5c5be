"""`--init RUN`: a run that begins with another one's weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.training import Interrupted, RunResult, train
from archbuilder.training.checkpointing import Keeper
from tests.training.same import load

SameEnd = Callable[[Path, Path], None]


def still(text: str) -> str:
    """The recipe with a step too small to move anything."""
    return text.replace("lr: 0.2", "lr: 1e-30").replace("weight_decay: 5e-4", "weight_decay: 0")


def test_it_begins_where_the_other_one_ended(quick, tiny: str, whole: RunResult, capsys):
    run = quick("train.epochs=1", text=still(tiny), init=whole.path).path
    first, last = load_file(whole.path / "weights.safetensors"), load_file(run / "weights.safetensors")
    moved = {name for name in first if not first[name].equal(last[name])}
    assert moved == {name for name in first if name.endswith(("running_mean", "running_var", "batches_tracked"))}
    assert (
        f"init: {len(first)} of {len(first)} tensors are those of {whole.path} after epoch 4\n"
        in capsys.readouterr().out
    )
    assert json.loads((run / "environment.json").read_text())["init"] == str(whole.path)


@pytest.fixture
def fewer(tiny: str, tmp_path: Path) -> str:
    """The same network for three classes of its own images."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (96, 8, 8), dtype=np.uint8), np.arange(96) % 3
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    text = still(tiny).replace("classes: 10", "classes: 3").replace("digits", str(tmp_path / "own.npz"))
    return text.replace("batch_size: 256", "batch_size: 48")


def test_the_head_is_new_where_the_classes_differ(quick, whole: RunResult, fewer: str, capsys):
    run = quick("train.epochs=1", text=fewer, init=whole.path).path
    head = ["classifier.conv.weight", "classifier.conv.bias"]
    count = len(load(whole.path / "last.pt")["model"])
    said = f"init: {count - 2} of {count} tensors are those of {whole.path} after epoch 4"
    assert f"{said}; new for 3 classes instead of 10: {', '.join(head)}\n" in capsys.readouterr().out
    first, last = load_file(whole.path / "weights.safetensors"), load_file(run / "weights.safetensors")
    assert last[head[0]].shape == (3, 12, 1, 1)
    assert first["conv.conv.weight"].equal(last["conv.conv.weight"])


def test_a_run_that_is_stopped_at_once_still_has_them(
    quick, whole: RunResult, same_end: SameEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """They are in its checkpoint from the first moment on: the other run may be gone when this one is resumed."""
    source = tmp_path / "source"
    shutil.copytree(whole.path, source)
    end = quick(init=source).path

    def stop(self: Keeper) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Keeper, "between", stop)
    with pytest.raises(Interrupted, match="0 of 4 epochs are kept") as stopped:
        quick(init=source)
    monkeypatch.undo()
    shutil.rmtree(source)
    train(resume=stopped.value.path)
    same_end(stopped.value.path, end)


def test_a_run_without_a_checkpoint_begins_with_them_again(quick, whole: RunResult, same_end: SameEnd):
    end = quick("train.epochs=1", init=whole.path).path

    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        quick("train.epochs=1", init=whole.path, on_epoch=stop)
    for path in stopped.value.path.glob("*.pt"):
        path.unlink()
    train(resume=stopped.value.path)
    same_end(stopped.value.path, end)


def test_another_network_is_refused(quick, tiny: str, whole: RunResult, tmp_path: Path):
    with pytest.raises(ArchbuilderError) as error:
        quick(text=tiny.replace("conv: {out: 6}", "conv: {out: 8}"), init=whole.path)
    (found,) = error.value.diagnostics
    assert found.code.id == "AB736" and error.value.exit_status == 2
    assert found.message == "conv.conv.weight is 6x1x3x3 there and 8x1x3x3 here, and 10 more tensors differ"
    with pytest.raises(ArchbuilderError, match=r"AB736 strided.conv.weight is 12x12x3x3 there and not here"):
        quick(text=tiny.replace("  - strided: {out: 12}\n", ""), init=whole.path)
    assert not list(tmp_path.rglob("last.pt"))


def test_what_is_no_run_is_refused(quick, whole: RunResult, tmp_path: Path, capsys):
    with pytest.raises(ArchbuilderError, match="AB702"):
        quick(init=tmp_path)
    assert main(["train", "--resume", str(whole.path), "--init", str(whole.path)]) == 2
    assert "AB710 a resumed run has its own network, overrides, weights and seeds" in capsys.readouterr().err
    with pytest.raises(ArchbuilderError, match="AB710"):
        train(resume=whole.path, init=whole.path)
