"""What a run says once after its first batches: how long it will take, and whether other processes hold its cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

import torch

from archbuilder.run.result import Record
from archbuilder.training.learning.step import side_in
from archbuilder.training.learning.trainer import Trainer

SECONDS = 2.0  # that are measured, after the first batches, which are slow
WORTH = 10.0  # seconds: of a shorter run nothing is said
EVALUATED = 1 / 3  # of the time of an image in training: backward takes about twice as long as forward
HELD = 0.25  # share of its time that a thread waits for a core, over which others are said to hold them


@dataclass(frozen=True)
class Moment:
    """How far the epoch was when its device had done all of it."""

    epoch: int
    images: int
    at: float
    ran: float  # seconds for which this thread had a core
    waited: float  # seconds for which it could have run, and had none

    @classmethod
    def now(cls, epoch: int, images: int) -> Moment:
        return cls(epoch, images, perf_counter(), *_core_time())


class Forecast:
    """Looks at the pace of a run until there is something to say of it.

    say: gets a line, once or twice.  Images are counted over all processes.
    """

    def __init__(self, trainer: Trainer, say: Callable[[str], None]) -> None:
        self.trainer, self.say = trainer, say
        self.first: Moment | None = None
        self.done = False

    def seen(self, epoch: int, images: int) -> None:
        """So many images of the epoch are trained."""
        if self.done:
            return
        if self.first is None or self.first.epoch != epoch:
            self.first = Moment.now(epoch, images)
        elif perf_counter() - self.first.at >= SECONDS:
            now = Moment.now(epoch, images)
            self._tell(self._left(self.first, now), self.trainer.done)
            if note := _held(self.first, now, self.trainer):
                self.say(note)

    def epoch(self, record: Record) -> None:
        """An epoch is over, maybe before its pace could be measured."""
        if not self.done:
            each = record["seconds"] / self._cost(record["epoch"])
            later = range(record["epoch"] + 1, self.trainer.plan.train.epochs + 1)
            self._tell(each * sum(map(self._cost, later)), record["epoch"])

    def _tell(self, seconds: float, done: int) -> None:
        self.done = True
        if seconds >= WORTH:
            self.say(words(seconds, self.trainer.plan.train.epochs - done, datetime.now()))

    def _left(self, first: Moment, now: Moment) -> float:
        """Seconds to the end of the run: training, and evaluations by their usual share."""
        plan, splits = self.trainer.plan, self.trainer.splits
        epochs, images, test = plan.train.epochs, len(splits.train), len(splits.test)
        cost = (now.at - first.at) / (now.images - first.images) / self._cost(now.epoch)  # of an image at full size
        training = (images - now.images) * self._cost(now.epoch)
        training += images * sum(map(self._cost, range(now.epoch + 1, epochs + 1)))
        evaluated = (epochs - now.epoch + 1) * (len(splits.validation) if splits.validation is not None else test)
        evaluated += test * ((splits.validation is not None) + 2 * (plan.train.tta == "flip"))
        return cost * (training + EVALUATED * evaluated)

    def _cost(self, epoch: int) -> float:
        """What an image costs in an epoch, where it may be trained on at a smaller size, against one at full size."""
        recipe = self.trainer.plan.train
        side = side_in(recipe, epoch)
        return 1.0 if side is None else (side / self.trainer.plan.graph.input.h) ** 2


def words(seconds: float, epochs: int, now: datetime) -> str:
    """About 12 min for 15 epochs, until 19:05."""
    end = now + timedelta(seconds=seconds)
    day = "" if end.date() == now.date() else f"{end:%Y-%m-%d} "
    return f"time: about {_about(seconds)} for {epochs} epoch{'s' * (epochs != 1)}, until {day}{end:%H:%M}"


def _about(seconds: float) -> str:
    """Two figures of a time, as far as such an estimate has them: 25 s, 12 min, 2 h 10 min."""
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s"
    minutes = max(1, round(seconds / 60))
    hours, rest = divmod(minutes if minutes < 60 else 10 * round(minutes / 10), 60)
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "")))


def _core_time() -> tuple[float, float]:
    """(seconds on a core, seconds that this thread waited for one); zeros where the system does not say.

    Source: Linux, Documentation/scheduler/sched-stats.rst."""
    try:
        with open("/proc/thread-self/schedstat", encoding="ascii") as file:
            ran, waited, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return 0.0, 0.0
    return ran / 1e9, waited / 1e9


def _held(first: Moment, now: Moment, trainer: Trainer) -> str:
    """That others hold the cores, and what to do; nothing where they do not, or the run alone has too much for them."""
    ran, waited = now.ran - first.ran, now.waited - first.waited
    threads = torch.get_num_threads()
    mine = (threads + trainer.plan.data.workers) * trainer.processes.count
    if trainer.device.type != "cpu" or mine > _cores() or waited <= HELD * (ran + waited):
        return ""
    lines = [f"note: other processes use the cores; this one waits for them {waited / (ran + waited):.0%} of its time"]
    if threads > 1 and os.environ.get("OMP_WAIT_POLICY", "").lower() == "passive":
        lines.append("      --threads 1 is usually faster")
    elif threads > 1:
        lines.append(f"      its {threads} threads wait for each other in a busy loop:")
        lines.append("      --threads 1 is usually faster, or set OMP_WAIT_POLICY=passive")
    return "\n".join(lines)


def _cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
