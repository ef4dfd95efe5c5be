"""Learning from a trained network: which ones fit, and that it is still there when a run goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.training import Interrupted, RunResult, train
from tests.training.conftest import Train as Run
from tests.training.test_resume import SameEnd, stop_after


@pytest.fixture
def refused(quick: Run):
    """Asserts that a teacher is refused before the first epoch, for a reason, at its place."""

    def check(run: Path, code: str, *overrides: str, text: str | None = None) -> str:
        before = set(run.parents[1].rglob("last.pt"))
        with pytest.raises(ArchbuilderError, match=code) as error:
            quick(f"train.distill={{run: {run}}}", *overrides, **({"text": text} if text else {}))
        assert set(run.parents[1].rglob("last.pt")) == before
        return str(error.value)

    return check


def test_a_network_learns_from_a_teacher(quick: Run, whole: RunResult):
    plain, taught = quick(), quick(f"train.distill={{run: {whole.path}, weight: 0.5}}")
    assert taught.last["train_loss"] != plain.last["train_loss"]
    assert taught.last["train_loss"] < taught.metrics[0]["train_loss"] - 0.03


def test_the_teacher_stays_as_it_is(quick: Run, whole: RunResult):
    before = (whole.path / "last.pt").read_bytes()
    quick(f"train.distill={{run: {whole.path}}}", "train.epochs=1")
    assert (whole.path / "last.pt").read_bytes() == before


def test_a_taught_run_goes_on_to_the_same_end(
    tiny: str, whole: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same_end: SameEnd
):
    """The teacher lies beside the YAML, which the resumed run reads a copy of."""
    shutil.copytree(whole.path, tmp_path / "nets" / "teacher")
    (tmp_path / "nets" / "net.yaml").write_text(tiny + "  distill: teacher\n")
    monkeypatch.chdir(tmp_path)
    full = train("nets/net.yaml", device="cpu", threads=1)
    with pytest.raises(Interrupted) as stop:
        train("nets/net.yaml", device="cpu", threads=1, on_epoch=stop_after(2))
    run = stop.value.path.absolute()
    monkeypatch.chdir("/")
    train(resume=run)
    same_end(run, tmp_path / full.path)


def test_a_teacher_with_other_classes_is_refused(quick: Run, refused, tiny: str, tmp_path: Path):
    fewer = tiny.replace("classes: 10", "classes: 3").replace("digits", str(tmp_path / "own.npz"))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (64, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=np.arange(64) % 3, x_test=images, y_test=np.arange(64) % 3)
    other = quick("train.epochs=1", "data.batch_size=32", text=fewer).path
    said = refused(other, "AB744 the teacher .* has 3 classes, but the network has 10")
    assert "distil from a run on the same classes" in said


def test_a_teacher_of_other_images_is_refused(quick: Run, refused, tiny: str):
    larger = tiny.replace("[1, 8, 8]", "[1, 12, 12]")
    other = quick("train.epochs=1", text=larger).path
    refused(other, "AB744 .* takes images of 1x12x12, the network 1x8x8")
    raw = quick("train.epochs=1", "data.normalize=false").path
    refused(raw, "AB744 .* was trained on images that were normalised otherwise")


def test_a_teacher_that_cannot_see_smaller_images_is_refused(quick: Run, tiny: str):
    """The network accepts the size, because it ends in gap, and check does not know the teacher."""
    one_size = quick("train.epochs=1", text=tiny.replace("  - gap\n  - classifier", "  - classifier: linear")).path
    learning = (f"train.distill.run={one_size}", "train.resolution=[[1, 4], [4, 8]]")
    with pytest.raises(ArchbuilderError, match=r"AB744 .* does not run on images of side 4: .* is made for "):
        quick(*learning)


def test_a_teacher_whose_classes_have_other_names_is_refused(quick: Run, refused, whole: RunResult, tmp_path: Path):
    shutil.copytree(whole.path, tmp_path / "other")
    card = tmp_path / "other" / "dataset.json"
    assert '"3"' in card.read_text()
    card.write_text(card.read_text().replace('"3"', '"three"'))
    refused(tmp_path / "other", r"AB744 .* knows the classes 0, 1, 2\.\.\., the images are of 0, 1, 2\.\.\.")


def test_a_teacher_that_is_not_there_is_named(quick: Run, refused, tmp_path: Path):
    refused(tmp_path / "nothing" / "here", "AB702 architecture.yaml cannot be read")


def test_an_averaging_teacher_teaches_with_its_average(quick: Run):
    """The teacher has the weights that are evaluated (`model` in its checkpoint), not the raw ones."""
    from archbuilder.trained.open import open_run

    run = quick("train.ema=0.9").path
    state = torch.load(run / "last.pt", weights_only=True)
    name, weight = next(iter(open_run(run).network().state_dict().items()))
    assert torch.equal(weight, state["model"][name]) and not torch.equal(weight, state["moving"][name])
