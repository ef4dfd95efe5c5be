"""Every part of a recipe survives an interruption, between two epochs and in the middle of one, to the last bit."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.run import plan as plans
from archbuilder.run.options import Options
from archbuilder.trained.open import images_of
from archbuilder.training.learning.trainer import Trainer

RESIDUAL = """\
archbuilder: 1
name: residual
input: [1, 8, 8]
classes: 10
network:
  - conv: {out: 8, kernel: 2, padding: valid, norm: none, bias: true, frozen: true}
  - conv: {out: 8}
  - skip: {blocks: [{depthwise_separable: {out: 8, activation: none}}]}
  - strided: {out: 12, dropout: 0.1}
  - gap
  - classifier
data: {dataset: digits, batch_size: 256, engine: tensor, augment: [{random_crop: {padding: 1}}]}
train: {epochs: 4, optimizer: {sgd: {lr: 0.1, nesterov: true}}}
"""

FEATURES = {
    "muon": ("optimizer={muon: {lr: 0.05, momentum: 0.6, steps: 3, renormalize: true, rest: {adamw: {}}}}",),
    "adam": ("optimizer={adam: {lr: 0.01}}",),
    "decoupled": ("optimizer={sgd: {decoupled: true, decay_norms_and_biases: false, bias_lr_factor: 4}}",),
    "cosine": ("schedule={cosine: {warmup: 0.1}}",),
    "plateau": ("schedule={plateau: {patience: 0, threshold: 0.3, gamma: 0.5}}",),
    "accumulate": ("accumulate=4",),
    "clip": ("clip_gradient=0.5",),
    "mixup": ("mixup={most: 0.5, grow: 0.5}",),
    "both": ("mixup={p: 0.4}", "cutmix={p: 0.4, alpha: 0.5}"),
    "ema": ("ema=0.9",),
    "lookahead": ("lookahead={every: 4, grow: 3, share: 0.3}",),
    "start": ("init=dirac", "zero_gamma=true", "whiten=200", "batch_norm_momentum=0.4"),
    "kaiming": ("init=kaiming", "channels_last=false"),
    "resolution": ("resolution=[[1, 6], [3, 8]]",),
    "bf16": ("precision=bf16", "ema=true"),
    "deterministic": ("deterministic=true",),
    "all": ("accumulate=2", "ema=0.9", "lookahead=true", "mixup=true", "clip_gradient=1", "optimizer=muon"),
}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., Trainer]:
    def make(*overrides: str, text: str = RESIDUAL) -> Trainer:
        sets = tuple(f"train.{each}" for each in overrides)
        plan = plans.new(text, sets, tmp_path / "runs", Options(device="cpu"), check=True)
        return Trainer(plan, images_of(plan), torch.device("cpu"))

    return make


def quiet(epoch: int, score: Any) -> None:
    """A progress display that shows nothing."""


def saved(trainer: Trainer) -> dict[str, Any]:
    """The state after it was written to a file and read, as in a run."""
    buffer = io.BytesIO()
    torch.save(trainer.state(), buffer)
    buffer.seek(0)
    state: dict[str, Any] = torch.load(buffer, weights_only=True)
    return state


def restored(state: dict[str, Any], trainer: Trainer) -> Trainer:
    """A new trainer in the state of another. Making a trainer draws random numbers, so the state is copied first."""
    trainer.restore(state)
    return trainer


class Stop(Exception):
    """The exception that stops a run."""


def stop_after(steps: int) -> Callable[[], None]:
    """A hook that raises an exception after so many steps of the optimizer."""
    left = steps

    def between() -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Stop

    return between


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in a state, with its path, except measured times."""
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if key not in ("seconds", "waited", "images_per_second", "waiting"):
                yield from leaves(inner, f"{place}/{key}")
    else:
        yield place, value


def assert_same_end(first: Trainer, second: Trainer) -> None:
    one, other = first.state(), second.state()
    left, right = dict(leaves(one)), dict(leaves(other))
    assert left.keys() == right.keys()
    for place, value in left.items():
        assert torch.equal(value, right[place]) if isinstance(value, torch.Tensor) else value == right[place], place


@pytest.mark.parametrize("feature", FEATURES)
def test_a_run_that_is_interrupted_twice_ends_alike(feature: str, trainer: Callable[..., Trainer]):
    """The run is interrupted between two epochs and in the middle of the next one."""
    whole = trainer(*FEATURES[feature])
    for _ in range(4):
        whole.epoch(quiet)
    first = trainer(*FEATURES[feature])
    for _ in range(2):
        first.epoch(quiet)
    second = restored(saved(first), trainer(*FEATURES[feature]))
    with pytest.raises(Stop):
        second.epoch(quiet, stop_after(1))
    third = restored(saved(second), trainer(*FEATURES[feature]))
    while third.done < 4:
        third.epoch(quiet)
    assert_same_end(third, whole)


@pytest.mark.parametrize("feature", [name for name in FEATURES if name not in ("deterministic",)])
def test_every_part_of_a_recipe_has_an_effect(feature: str, trainer: Callable[..., Trainer]):
    plain, changed = trainer(), trainer(*FEATURES[feature])
    for _ in range(2):
        plain.epoch(quiet)
        changed.epoch(quiet)
    assert plain.metrics[-1]["train_loss"] != changed.metrics[-1]["train_loss"]
    assert changed.metrics[-1]["train_loss"] < 2.4
