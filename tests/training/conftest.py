"""A tiny network on the embedded digits: an epoch takes some hundredths of a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.training import RunResult, train
from tests.training.same import end, load, metrics

TINY = """\
archbuilder: 1
name: tiny
input: [1, 8, 8]
classes: 10
defaults: {dropout: 0.1}
network:
  - conv: {out: 6}
  - depthwise_separable: {out: 12}
  - strided: {out: 12}
  - gap
  - classifier
data:
  dataset: digits
  batch_size: 256
  engine: tensor
  augment: [{random_crop: {padding: 1}}]
train:
  epochs: 4
  optimizer: {sgd: {lr: 0.2, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}
  schedule: {one_cycle: {warmup: 0.3}}
  loss: {cross_entropy: {label_smoothing: 0.1}}
"""

Train = Callable[..., RunResult]
# for so little work a second thread only waits, and a report takes longer than the run
ALONE: dict[str, Any] = {"device": "cpu", "threads": 1, "report": False}


@pytest.fixture(scope="session")
def tiny() -> str:
    return TINY


@pytest.fixture
def quick(tmp_path: Path) -> Train:
    """`train` on the tiny network, into the test's own folder."""

    def run(*overrides: str, text: str = TINY, **options: Any) -> RunResult:
        return train(text, overrides=overrides, out=tmp_path / "runs", **{**ALONE, **options})

    return run


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """The tiny network trained without a break: what every interrupted run must end in.  Not to be changed."""
    return train(TINY, out=tmp_path_factory.mktemp("whole"), **ALONE)


@pytest.fixture(scope="session")
def same_end() -> Callable[[Path, Path], None]:
    """Asserts that two runs end in the same weights and optimizer, bit for bit, and the same metrics."""
    return assert_same_end


def assert_same_end(run: Path, other: Path) -> None:
    for name in ("last.pt", "best.pt"):
        first, second = load(run / name), load(other / name)
        assert first["epoch"] == second["epoch"]
        assert_equal(first["model"], second["model"])
        assert_equal(first["optimizer"], second["optimizer"])
    assert metrics(run) == metrics(other)
    assert end(run) == end(other)  # what is left after the parts that tell what differs


def assert_equal(first: Any, second: Any) -> None:
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    else:
        assert first == second
