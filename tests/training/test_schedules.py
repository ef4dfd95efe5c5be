"""Schedules against torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from archbuilder.spec.train import schedules as spec
from archbuilder.training.learning.schedule import Schedule


def toy() -> torch.optim.SGD:
    return torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)


def theirs(schedule: LRScheduler, steps: int) -> list[float]:
    found = [schedule.get_last_lr()[0]]
    for _ in range(steps - 1):  # torch's OneCycleLR fails on a step past the last one where warmup is 1
        schedule.optimizer.step()
        schedule.step()
        found.append(schedule.get_last_lr()[0])
    return found


def ours(recipe: spec.Schedule, epochs: int, steps_per_epoch: int) -> list[float]:
    schedule, found = Schedule(recipe, epochs, steps_per_epoch), []
    for _ in range(epochs * steps_per_epoch):
        found.append(schedule.factor)
        schedule.step()
    assert schedule.progress == 1
    return found


@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.parametrize("warmup", [0.0, 0.15, 0.3, 0.77, 1.0])
@pytest.mark.parametrize(("epochs", "batches"), [(1, 3), (4, 6), (5, 21)])
def test_one_cycle_has_the_values_of_torch(anneal: str, warmup: float, epochs: int, batches: int):
    recipe = spec.OneCycle.model_validate({"warmup": warmup, "div": 10.0, "final_div": 100.0, "anneal": anneal})
    steps = epochs * batches
    reference = OneCycleLR(
        toy(),
        max_lr=1.0,
        total_steps=steps,
        pct_start=warmup,
        div_factor=10.0,
        final_div_factor=100.0,
        anneal_strategy="cos" if anneal == "cosine" else "linear",
        cycle_momentum=False,
    )
    assert ours(recipe, epochs, batches) == pytest.approx(theirs(reference, steps))


def test_one_cycle_takes_runs_too_short_for_a_rise():
    """torch's OneCycleLR divides by zero where the rise is just one batch long."""
    for steps in range(1, 12):
        found = ours(spec.OneCycle(warmup=1 / steps), 1, steps)
        assert all(0 < rate <= 1 for rate in found)
        assert found[0] == pytest.approx(1.0)


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_cosine_has_the_values_of_torch(floor: float):
    reference = CosineAnnealingLR(toy(), T_max=24, eta_min=floor)
    assert ours(spec.Cosine(floor=floor), 4, 6) == pytest.approx(theirs(reference, 24))


def test_linear_has_the_values_of_torch():
    reference = LinearLR(toy(), start_factor=1.0, end_factor=0.05, total_iters=24)
    assert ours(spec.Linear(floor=0.05), 4, 6) == pytest.approx(theirs(reference, 24))


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # torch's SequentialLR uses what torch has deprecated
@pytest.mark.parametrize(
    ("recipe", "fall"),
    [
        (spec.Cosine(warmup=0.25, start=0.1, floor=0.02), lambda toy: CosineAnnealingLR(toy, 18, 0.02)),
        (spec.Linear(warmup=0.25, start=0.1, floor=0.02), lambda toy: LinearLR(toy, 1.0, 0.02, 18)),
        (spec.Triangular(warmup=0.25, start=0.1, floor=0.02), lambda toy: LinearLR(toy, 1.0, 0.02, 18)),
    ],
)
def test_a_rise_before_the_fall_has_the_values_of_torch(
    recipe: spec.Cosine, fall: Callable[[torch.optim.SGD], LRScheduler]
):
    optimizer = toy()
    rise = LinearLR(optimizer, start_factor=0.1, total_iters=6)
    reference = SequentialLR(optimizer, [rise, fall(optimizer)], milestones=[6])
    assert ours(recipe, 4, 6) == pytest.approx(theirs(reference, 24))


def test_triangular_rises_for_a_fifth():
    found = ours(spec.Triangular(), 5, 2)
    assert found == pytest.approx([0.2, 0.6, *(1 - share / 8 for share in range(8))])


@pytest.mark.parametrize(("every", "gamma"), [(1, 0.5), (3, 0.1)])
def test_step_has_the_values_of_torch_epoch_by_epoch(every: int, gamma: float):
    reference = StepLR(toy(), step_size=every, gamma=gamma)
    expected = [rate for rate in theirs(reference, 7) for _ in range(5)]
    assert ours(spec.Step(every=every, gamma=gamma), 7, 5) == pytest.approx(expected)


def test_step_at_milestones_has_the_values_of_torch():
    reference = MultiStepLR(toy(), milestones=[2, 3, 6], gamma=0.3)
    expected = [rate for rate in theirs(reference, 8) for _ in range(4)]
    assert ours(spec.Step(milestones=(2, 3, 6), gamma=0.3), 8, 4) == pytest.approx(expected)


def test_step_without_fields_changes_every_ten_epochs():
    assert ours(spec.Step(), 21, 1) == pytest.approx([1.0] * 10 + [0.1] * 10 + [0.01])


def test_piecewise_goes_straight_from_point_to_point():
    """numpy's interp is the other way to these values."""
    numpy = pytest.importorskip("numpy")
    points = ((0.0, 0.2), (1.5, 1.0), (4.0, 0.1), (6.0, 0.0))
    expected = numpy.interp([step / 4 for step in range(24)], *zip(*points, strict=True))
    assert ours(spec.Piecewise(points=points), 6, 4) == pytest.approx(list(expected))


def test_no_schedule_leaves_the_rate_alone():
    assert ours(spec.Constant(), 2, 3) == [1.0] * 6


LOSSES = [2.0, 1.5, 1.5, 1.4999, 1.6, 1.2, 1.3, 1.3, 1.3, 1.3, 1.3, 1.1, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2]


@pytest.mark.parametrize(("patience", "cooldown"), [(0, 0), (1, 0), (2, 1), (1, 3)])
def test_plateau_has_the_values_of_torch(patience: int, cooldown: int):
    recipe = spec.Plateau(gamma=0.5, patience=patience, threshold=0.01, cooldown=cooldown, floor=0.05)
    options: dict[str, Any] = {"factor": 0.5, "patience": patience, "threshold": 0.01, "cooldown": cooldown}
    optimizer = toy()
    reference = ReduceLROnPlateau(optimizer, mode="min", min_lr=0.05, **options)
    schedule = Schedule(recipe, len(LOSSES), 1)
    for loss in LOSSES:
        schedule.step()
        schedule.end_epoch(loss)
        reference.step(loss)
        assert schedule.factor == pytest.approx(optimizer.param_groups[0]["lr"])
    assert schedule.factor < 1


@pytest.mark.parametrize("recipe", [spec.Cosine(), spec.Plateau(patience=1, gamma=0.5)])
def test_state_brings_a_schedule_back(recipe: spec.Schedule):
    first, second = Schedule(recipe, 20, 1), Schedule(recipe, 20, 1)
    for loss in LOSSES[:9]:
        first.step()
        first.end_epoch(loss)
    second.load_state_dict(first.state_dict())
    second.go_to(9, 0)
    for loss in LOSSES[9:]:
        assert second.factor == first.factor
        for schedule in (first, second):
            schedule.step()
            schedule.end_epoch(loss)
