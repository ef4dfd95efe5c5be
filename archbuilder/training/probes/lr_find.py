"""The learning-rate range test: how the loss answers to a rate that rises step by step.

Source: Smith, Cyclical Learning Rates for Training Neural Networks, WACV 2017, section 3.3; smoothing and the
choice of the steepest point as in fastai.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

import torch

from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.run.plan import Plan
from archbuilder.spec.train.schedules import Constant
from archbuilder.trained.open import images_of
from archbuilder.training.learning.schedule import Schedule
from archbuilder.training.learning.step import Turn
from archbuilder.training.learning.trainer import Trainer
from archbuilder.training.parallel import trial
from archbuilder.training.probes import in_float

FLAT = declare(
    "AB762",
    "a range of learning rates in which nothing is learnt",
    why=(
        "A range test needs a part of the range in which the loss falls. Without one, no learning rate can be "
        "suggested."
    ),
    bad="$ archbuilder lr-find net.yaml --low 1e5 --high 1e6",
    good="$ archbuilder lr-find net.yaml",
)

LOW, HIGH, STEPS = 1e-4, 100.0, 200  # the range as multiples of the recipe's own rate
SMOOTHING = 0.95  # share of the mean so far that each step keeps
DIVERGED = 3.0  # times the least loss: nothing beyond is worth a step
REACH = 5  # steps on both sides over which a slope is taken
LEAD = 10  # steps before the smoothed loss is worth a look


class Ramp(Schedule):
    """A factor that rises from `low` to `high` by the same multiple in each step."""

    def __init__(self, low: float, high: float, steps: int) -> None:
        super().__init__(Constant(), 1, steps)
        self.low, self.high = low, high

    @property
    def factor(self) -> float:
        return float(self.low * (self.high / self.low) ** (self.taken / max(1, self.steps - 1)))


@dataclass(frozen=True)
class RangeTest:
    """What a range test has found: rates, the loss of each step, and that loss smoothed.

    current:  the recipe's own rate; images: of one step.
    diverged: the rate at which it stopped because the loss grew, None where it reached the end.
    """

    name: str
    current: float
    images: int
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    diverged: float | None

    @property
    def least(self) -> float:
        """The rate at which the smoothed loss is least."""
        return self.rates[self._valley]

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, by the logarithm of the rate."""
        last = len(self.smooth) - 1
        ends = [(max(0, step - REACH), min(last, step + REACH)) for step in range(max(1, self._valley))]
        slopes = [(self.smooth[end] - self.smooth[start]) / (end - start) for start, end in ends]
        return self.rates[min(range(len(slopes)), key=slopes.__getitem__)]

    @property
    def suggestion(self) -> float:
        """Half-way, by the logarithm, between the steepest fall and the least loss, to one digit.

        The steepest fall is a rate that surely works, the least loss the edge beyond which it grows.
        """
        return float(f"{math.sqrt(self.steepest * self.least):.0e}")

    @property
    def _valley(self) -> int:
        return min(range(len(self.smooth)), key=self.smooth.__getitem__)


def range_test(plan: Plan, low: float = LOW, high: float = HIGH, steps: int = STEPS) -> RangeTest:
    """Train a fresh network of a plan in float, as its recipe says, at a rate that rises; nothing of it is kept.

    low, high: the range, as multiples of the recipe's rate.
    torch's random state and settings are as they were afterwards.
    Raises ArchbuilderError AB762 where the loss never falls, and what training raises.
    """
    plan = in_float(plan)
    with trial(plan) as place:
        trainer = Trainer(plan, images_of(plan), place)
        trainer.step.schedule = Ramp(low, high, steps)
        base = trainer.optimizer.lr
        try:
            found = [(base * factor, *losses) for factor, *losses in until_it_grows(_losses(trainer, steps))]
        finally:
            trainer.images.close()
    rates, losses, smooth = zip(*found, strict=True) if found else ((), (), ())
    if len(rates) < min(LEAD, steps) or smooth[0] <= min(smooth):
        end = rates[-1] if rates else base * low  # none: even a fresh network's loss is no number
        message = f"the loss does not fall anywhere from lr {base * low:.1g} to {end:.1g}"
        hint = "start lower (--low), and test with `archbuilder overfit` whether the network can learn at all"
        raise ArchbuilderError(FLAT.at(plan.train.span("optimizer"), message, hint))
    return RangeTest(
        name=plan.report.name,
        current=base,
        images=plan.data.batch_size * plan.train.accumulate,
        rates=rates,
        losses=losses,
        smooth=smooth,
        diverged=rates[-1] if len(rates) < steps else None,
    )


def _losses(trainer: Trainer, steps: int) -> Iterator[tuple[float, float]]:
    """Factor and loss, step by step, as long as that is a number."""
    trainer.parallel.train()
    every, batches = trainer.plan.train.accumulate, _batches(trainer)
    for _ in range(steps):
        factor, total = trainer.step.schedule.factor, 0.0
        for part in range(every):
            epoch, batch, images, labels = next(batches)
            loss, *_ = trainer.step(images, labels, Turn(epoch, batch, 1 / every, part == every - 1))
            total += float(loss) / every
        if not math.isfinite(total):
            return
        yield factor, total


def until_it_grows(steps: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float, float]]:
    """Factor, loss and its exponential moving mean, freed of its bias towards 0, until that has grown."""
    mean, best = 0.0, math.inf
    for step, (factor, loss) in enumerate(steps, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth = mean / (1 - SMOOTHING**step)
        yield factor, loss, smooth
        best = min(best, smooth)
        if step > LEAD and smooth > DIVERGED * best:
            return


def _batches(trainer: Trainer) -> Iterator[tuple[int, int, torch.Tensor, torch.Tensor]]:
    """Epoch after epoch: its number, the batch's number, images and labels."""
    for epoch in count(1):
        for number, (images, labels) in enumerate(trainer.images.epoch(epoch)):
            yield epoch, number, images, labels


def drawing(found: RangeTest) -> bytes:
    """A PNG: the loss over the rate, and what was read off it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # never the user's own backend: there may be no screen
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color="#c3ccd5", linewidth=1, label="loss of each step")
    axes.plot(found.rates, found.smooth, color="#1b2733", linewidth=2, label="smoothed")
    marks = {
        f"steepest fall {found.steepest:.2g}": (found.steepest, "#0072b2"),
        f"least loss {found.least:.2g}": (found.least, "#d55e00"),
        f"suggestion {found.suggestion:g}": (found.suggestion, "#009e73"),
        f"the recipe's own {found.current:g}": (found.current, "#5b6b7b"),
    }
    for label, (rate, colour) in marks.items():
        axes.axvline(rate, color=colour, linewidth=1.5, linestyle="--", label=label)
    axes.set_xscale("log")
    low, high = min(found.smooth), found.smooth[0]
    axes.set_ylim(low - 0.3 * (high - low), high + 1.2 * (high - low))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.set_title(f"{found.name}: learning-rate range test", loc="left", fontweight="bold", parse_math=False)
    axes.grid(True, color="#e5e5e5", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
