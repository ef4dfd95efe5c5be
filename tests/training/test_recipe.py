"""Schedules and optimizers against torch's own, and a whole run against a loop written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR

from archbuilder import pipeline
from archbuilder.data.batches import train_batches
from archbuilder.data.datasets import load
from archbuilder.modules import build
from archbuilder.spec.train import AdamW, Constant, OneCycle, Sgd, Step
from archbuilder.training import RunResult
from archbuilder.training.recipe import make_optimizer, make_schedule


def rates(schedule: LRScheduler, steps: int) -> list[float]:
    found = [schedule.get_last_lr()[0]]
    for _ in range(steps - 1):  # torch's OneCycleLR fails on a step past the last one where warmup is 1
        schedule.optimizer.step()
        schedule.step()
        found.append(schedule.get_last_lr()[0])
    return found


def toy(lr: float = 0.3) -> torch.optim.SGD:
    return torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=lr)


@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.parametrize("warmup", [0.0, 0.15, 0.3, 0.77, 1.0])
@pytest.mark.parametrize(("epochs", "batches"), [(1, 3), (4, 6), (5, 21)])
def test_one_cycle_has_the_values_of_torch(anneal: str, warmup: float, epochs: int, batches: int):
    spec = OneCycle.model_validate({"warmup": warmup, "div": 10.0, "final_div": 100.0, "anneal": anneal})
    steps = epochs * batches
    theirs = OneCycleLR(
        toy(),
        max_lr=0.3,
        total_steps=steps,
        pct_start=warmup,
        div_factor=10.0,
        final_div_factor=100.0,
        anneal_strategy="cos" if anneal == "cosine" else "linear",
        cycle_momentum=False,
    )
    ours = make_schedule(spec, toy(), epochs, batches)
    assert rates(ours, steps) == pytest.approx(rates(theirs, steps))
    ours.step()  # the loop steps after the last batch too


def test_one_cycle_takes_runs_too_short_for_a_rise():
    """torch's OneCycleLR divides by zero where the rise is just one batch long."""
    for steps in range(1, 12):
        found = rates(make_schedule(OneCycle(warmup=1 / steps), toy(), 1, steps), steps)
        assert all(0 < rate <= 0.3 for rate in found)
        assert found[0] == pytest.approx(0.3)


@pytest.mark.parametrize(("every", "gamma"), [(1, 0.5), (3, 0.1)])
def test_step_has_the_values_of_torch_epoch_by_epoch(every: int, gamma: float):
    theirs = StepLR(toy(), step_size=every, gamma=gamma)
    ours = rates(make_schedule(Step(every=every, gamma=gamma), toy(), 7, 5), 35)
    assert ours == pytest.approx([rate for rate in rates(theirs, 7) for _ in range(5)])


def test_no_schedule_leaves_the_rate_alone():
    assert rates(make_schedule(Constant(), toy(), 2, 3), 6) == [0.3] * 6


def test_optimizers_get_every_field():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False))
    sgd = make_optimizer(Sgd(lr=0.2, momentum=0.8, nesterov=True, weight_decay=0.01), module).param_groups
    assert {k: sgd[0][k] for k in ("lr", "momentum", "nesterov", "weight_decay")} == {
        "lr": 0.2,
        "momentum": 0.8,
        "nesterov": True,
        "weight_decay": 0.01,
    }
    assert len(sgd[0]["params"]) == 2  # the frozen layer's are left out
    adamw = make_optimizer(AdamW(lr=0.02, betas=(0.8, 0.9), weight_decay=0.1, eps=1e-6), module)
    assert isinstance(adamw, torch.optim.AdamW)
    group = adamw.param_groups[0]
    assert (group["lr"], group["betas"], group["weight_decay"], group["eps"]) == (0.02, (0.8, 0.9), 0.1, 1e-6)


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
    for epoch in range(1, 5):
        batches = train_batches(splits.train, report.spec.data, mean=splits.mean, std=splits.std, seed=0, epoch=epoch)
        for images, labels in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(images), labels, label_smoothing=0.1).backward()
            optimizer.step()
            cycle.step()
    trained = torch.load(whole.path / "last.pt", weights_only=True)["model"]
    for name, value in module.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-4, atol=1e-5)
