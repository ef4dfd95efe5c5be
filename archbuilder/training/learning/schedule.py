"""The learning rate over the run: one object for all of it, stepped after every step of the optimizer."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from archbuilder.spec.train import schedules as spec

Factor = Callable[[int], float]


class Schedule:
    """Where the run is, and the factor of the learning rate there.

    epochs, steps_per_epoch: of the whole run; `taken` counts the optimizer's steps so far, with those that fp16's
    scaler has left out.  share: of the recipe's learning rates, for the whole run.
    """

    def __init__(self, recipe: spec.Schedule, epochs: int, steps_per_epoch: int, share: float = 1.0) -> None:
        self.steps, self.steps_per_epoch = epochs * steps_per_epoch, steps_per_epoch
        self.taken, self._share = 0, share
        self._factor = factor(recipe, epochs, steps_per_epoch)
        self._plateau = Plateau(recipe) if isinstance(recipe, spec.Plateau) else None

    @property
    def factor(self) -> float:
        """What the optimizer's learning rate is multiplied by in the next step."""
        return self._share * (self._plateau.factor if self._plateau else self._factor(self.taken))

    @property
    def progress(self) -> float:
        """The share of the run's steps that are taken, from 0 to 1."""
        return self.taken / self.steps

    def step(self) -> None:
        """Count a step of the optimizer, taken or left out."""
        self.taken += 1

    def go_to(self, epochs: int, steps: int) -> None:
        """Go to where so many epochs are over, and so many steps of the next one.

        A checkpoint does not say it: another number of processes may have made more or fewer steps of an epoch.
        """
        self.taken = epochs * self.steps_per_epoch + min(steps, self.steps_per_epoch)

    def end_epoch(self, loss: float) -> None:
        """An epoch is over; `loss` is of the validation split, or of training where there is none."""
        if self._plateau:
            self._plateau.see(loss)

    def state_dict(self) -> dict[str, Any]:
        return {"plateau": self._plateau.state_dict() if self._plateau else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self._plateau:
            self._plateau.load_state_dict(state["plateau"])


class Plateau:
    """The factor of `torch.optim.lr_scheduler.ReduceLROnPlateau` with a relative threshold on a loss."""

    def __init__(self, recipe: spec.Plateau) -> None:
        self._recipe = recipe
        self.factor = 1.0
        self._best = math.inf
        self._bad = 0  # epochs in a row that did not help
        self._rest = 0  # epochs that are not counted any more

    def see(self, loss: float) -> None:
        """The loss of one more epoch."""
        recipe = self._recipe
        if loss < self._best * (1 - recipe.threshold):
            self._best, self._bad = loss, 0
        else:
            self._bad += 1
        if self._rest:
            self._rest, self._bad = self._rest - 1, 0
        if self._bad > recipe.patience:
            self.factor = max(self.factor * recipe.gamma, recipe.floor)
            self._rest, self._bad = recipe.cooldown, 0

    def state_dict(self) -> dict[str, float]:
        return {"factor": self.factor, "best": self._best, "bad": self._bad, "rest": self._rest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.factor, self._best, self._bad, self._rest = (state[key] for key in ("factor", "best", "bad", "rest"))


def factor(schedule: spec.Schedule, epochs: int, steps_per_epoch: int) -> Factor:
    """What the rate is multiplied by in a step (from 0, over the whole run)."""
    steps = epochs * steps_per_epoch
    if isinstance(schedule, spec.OneCycle):
        cycle = schedule
        return lambda step: _one_cycle(cycle, step, steps)
    if isinstance(schedule, spec.Cosine):
        rise, blend = schedule, _linear if isinstance(schedule, spec.Linear) else _cosine
        return lambda step: _rise_and_fall(rise, blend, step, steps)
    if isinstance(schedule, spec.Step):
        gamma, every = schedule.gamma, schedule.every or 10
        changes = schedule.milestones or range(every, epochs, every)
        return lambda step: _power(gamma, bisect_right(changes, step // steps_per_epoch))
    if isinstance(schedule, spec.Piecewise):
        points = schedule.points
        return lambda step: _between(points, step / steps_per_epoch)
    return lambda step: 1.0


def _one_cycle(cycle: spec.OneCycle, step: int, steps: int) -> float:
    """OneCycleLR's own values.  torch's class itself divides by zero where the rise is one batch long."""
    blend = _cosine if cycle.anneal == "cosine" else _linear
    last = steps - 1
    peak = cycle.warmup * steps - 1  # the step with the highest rate, as torch places it: need not be whole
    first = 1 / cycle.div
    step = min(step, last)
    if step <= peak:
        return blend(first, 1.0, step / peak) if peak > 0 else 1.0
    return blend(1.0, first / cycle.final_div, (step - peak) / (last - peak))


def _rise_and_fall(shape: spec.Cosine, blend: Callable[[float, float, float], float], step: int, steps: int) -> float:
    """The values of torch's LinearLR, then CosineAnnealingLR or LinearLR, in a SequentialLR."""
    peak = shape.warmup * steps
    if step < peak:
        return _linear(shape.start, 1.0, step / peak)
    return blend(1.0, shape.floor, min(1.0, (step - peak) / (steps - peak)))


def _between(points: tuple[tuple[float, float], ...], epoch: float) -> float:
    """The value at an epoch of the line through points."""
    if epoch >= points[-1][0]:
        return points[-1][1]
    after = bisect_right([at for at, _ in points], epoch)
    (start, low), (end, high) = points[after - 1 : after + 1]
    return _linear(low, high, (epoch - start) / (end - start))


def _power(base: float, exponent: int) -> float:
    try:
        return base**exponent
    except OverflowError:  # a rate beyond every number, as the loss will be
        return math.inf


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
