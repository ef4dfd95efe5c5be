"""A whole run against a loop written by hand, in plain torch as one would write it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from archbuilder import pipeline
from archbuilder.data.batches import TrainBatches
from archbuilder.data.datasets import load
from archbuilder.modules import build
from archbuilder.training import RunResult


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_run_equals_a_loop_by_hand(tiny: str, whole: RunResult):
    """One optimizer and one OneCycleLR for the whole run, stepped per batch: plain torch as one would write it."""
    report = pipeline.check(tiny)
    assert report.spec is not None and report.spec.data is not None and report.graph is not None
    splits = load(report.spec.data, (1, 8, 8), 10)
    torch.manual_seed(0)
    module = build(report.graph).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.2, momentum=0.9, nesterov=True, weight_decay=5e-4)
    cycle = OneCycleLR(optimizer, 0.2, total_steps=4 * 6, pct_start=0.3, cycle_momentum=False)
    batches = TrainBatches(splits.train, report.spec.data, mean=splits.mean, std=splits.std, seed=0)
    for epoch in range(1, 5):
        for images, labels in batches.epoch(epoch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(images), labels, label_smoothing=0.1).backward()
            optimizer.step()
            cycle.step()
    trained = torch.load(whole.path / "last.pt", weights_only=True)["model"]
    for name, value in module.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-4, atol=1e-5)
