"""One short run with its report, for all that only reads; a copy of it for what writes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.trained.open import Run, open_run
from archbuilder.training import train

NETWORK = """\
archbuilder: 1
name: tiny
input: [1, 8, 8]
classes: 10
limits: {params: "< 5k", receptive_field: "> 6"}
network:
  - conv: {out: 8}
  - dilated: {out: 12}
  - strided: {out: 16}
  - gap
  - classifier
data:
  dataset: digits
  batch_size: 64
  augment: [{random_crop: {padding: 1}}]
train:
  epochs: 3
  optimizer: {sgd: {lr: 0.2, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}
"""
ALONE: dict[str, Any] = {"device": "cpu", "threads": 1}
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run with its report.  Not to be changed."""
    return train(NETWORK, out=tmp_path_factory.mktemp("evidence"), **ALONE).path


@pytest.fixture(scope="session")
def run(finished: Path) -> Run:
    return open_run(finished)


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "tiny" / finished.name))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The network is so small that a second thread only waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
