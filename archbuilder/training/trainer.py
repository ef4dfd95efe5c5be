"""Everything that changes while a network is trained, and how one epoch changes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch

from archbuilder.data.arrays import Images, Splits
from archbuilder.data.batches import batch_count, batch_sizes, eval_batches, train_batches
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, declare
from archbuilder.modules import build
from archbuilder.modules.quick import quicken
from archbuilder.training.loop import Meter, Score, evaluate, train_pass
from archbuilder.training.optim import make_optimizer
from archbuilder.training.plan import Plan
from archbuilder.training.processes import ALONE, Processes
from archbuilder.training.recipe import make_loss
from archbuilder.training.result import Record
from archbuilder.training.schedule import Schedule

NOTHING = declare("AB711", "nothing that could be trained")
NOT_FINITE = declare("AB712", "a loss that is no longer a number")

Watch = Callable[[int, Score], None]  # the epoch, and its score up to now
Between = Callable[[], None]  # after every batch: the trainer is in a state that can be saved
State = dict[str, Any]


class Trainer:
    """Module, optimizer and schedule of one run: made once, in a state that can be saved and brought back.

    metrics: one record per finished epoch.
    batch:   batches of the next epoch that are trained already; its sums are in `meter`.
    """

    def __init__(self, plan: Plan, splits: Splits, device: torch.device, processes: Processes = ALONE) -> None:
        self.plan, self.splits, self.device, self.processes = plan, splits, device, processes
        self.metrics: list[Record] = []
        self._begin_epoch()
        recipe, batches = plan.train, self.batches
        torch.manual_seed(recipe.seed)
        module = build(plan.graph).to(device)
        if not batches or not any(p.requires_grad for p in module.parameters()):
            raise ArchbuilderError(_nothing(plan, len(splits.train), batches))
        self.module = module.to(memory_format=torch.channels_last)
        if device.type == "cpu":
            quicken(self.module)
        self.optimizer = make_optimizer(recipe.optimizer, self.module)
        self.schedule = Schedule(recipe.schedule, recipe.epochs, batches)
        self.loss = make_loss(recipe.loss)
        self.parallel = processes.wrap(self.module)
        processes.seed(recipe.seed)

    def _begin_epoch(self) -> None:
        self.batch, self.rate, self.spent = 0, 0.0, 0.0
        self.meter = Meter(self.device)

    @property
    def done(self) -> int:
        """Epochs that are finished."""
        return len(self.metrics)

    @property
    def batches(self) -> int:
        """Batches of an epoch."""
        return batch_count(len(self.splits.train), self.plan.data.batch_size, self.processes.count)

    def epoch(self, watch: Watch, between: Between = lambda: None) -> Record:
        """Train one epoch, or the rest of it, and evaluate; the record is added to `metrics`.

        between: is called after every batch, when all that `state` holds fits together; what it raises ends
                 the epoch there, and `epoch` may be called again.

        seconds: training and evaluation; images_per_second: of training alone.
        Raises ArchbuilderError AB712 where a loss is infinite or no number.
        """
        number = self.done + 1
        last = number == self.plan.train.epochs
        self._train(number, watch, between)
        score = self._finite(self.meter.total(self.processes), number, "training")
        evaluated = perf_counter()
        record: Record = {"epoch": number, "train_loss": score.loss, "train_accuracy": score.accuracy}
        if self.splits.validation is not None:
            record |= self._evaluate("validation", self.splits.validation, number)
        if self.splits.validation is None or last:
            record |= self._evaluate("test", self.splits.test, number)
        seconds = self.spent + perf_counter() - evaluated
        record |= {"lr": self.rate, "seconds": seconds, "images_per_second": score.images / self.spent}
        self.metrics.append(record)
        self._begin_epoch()
        return record

    def _train(self, number: int, watch: Watch, between: Between) -> None:
        data, splits = self.plan.data, self.splits
        batches = train_batches(
            splits.train,
            data,
            mean=splits.mean,
            std=splits.std,
            seed=self.plan.train.seed,
            epoch=number,
            first=self.batch,
            device=self.device,
            shard=self.processes.shard,
        )
        sizes = batch_sizes(len(splits.train), data.batch_size, self.processes.count)
        seen, before = perf_counter(), perf_counter() - self.spent

        def look(rate: float) -> None:
            nonlocal seen
            self.batch, self.rate, self.spent = self.batch + 1, rate, perf_counter() - before
            between()
            if perf_counter() - seen > 0.5:  # to look is to wait for the device
                seen = perf_counter()
                watch(number, self._finite(self.meter.score(), number, "training"))

        def share(images: int) -> float:
            return images * self.processes.count / sizes[self.batch]

        train_pass(self.parallel, batches, self.loss, self.optimizer, self.schedule, self.meter, look, share)

    def _evaluate(self, name: str, images: Images, number: int) -> Record:
        mean, std = self.splits.mean, self.splits.std
        batches = eval_batches(
            images, self.plan.data, mean=mean, std=std, device=self.device, shard=self.processes.shard
        )
        self.processes.align(self.module)
        meter = Meter(self.device)
        evaluate(self.module, batches, self.loss, meter)
        score = self._finite(meter.total(self.processes), number, name)
        return {f"{name}_loss": score.loss, f"{name}_accuracy": score.accuracy}

    def _finite(self, score: Score, number: int, what: str) -> Score:
        if math.isfinite(score.loss):
            return score
        lr = self.plan.train.optimizer.lr
        message = f"the {what} loss of epoch {number} is {score.loss}: training has diverged"
        hint = f"lower the learning rate (lr: {lr:g}), or lengthen the warm-up"
        raise ArchbuilderError(NOT_FINITE.at(self.plan.train.span("optimizer"), message, hint))

    def state(self) -> State:
        """All of it as tensors and plain data."""
        return {
            "run": self.plan.identity,
            "epoch": self.done,
            "batch": self.batch,
            "lr": self.rate,
            "seconds": self.spent,
            "metrics": self.metrics,
            "model": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "processes": self.processes.gather(self._own()),
        }

    def _own(self) -> State:
        """What each of several processes has for itself: its random numbers, its share of the epoch's sums."""
        rng = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":
            rng["device"] = _backend(self.device).get_rng_state()
        return {"rng": rng, "meter": self.meter.state()}

    def restore(self, state: State) -> None:
        """Be as `state` was when it was saved.  Raises what torch raises for a state of another network."""
        self.module.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.metrics, self.batch = list(state["metrics"]), state["batch"]
        self.rate, self.spent = state["lr"], state["seconds"]
        everyone, processes = state["processes"], self.processes
        self.meter = Meter(self.device)
        if len(everyone) == processes.count:
            self._restore_own(everyone[processes.rank])
            return
        for own in everyone if processes.main else []:  # another number of processes: its sums go to the first
            self.meter.merge(own["meter"])
        processes.seed(self.plan.train.seed, self.done, self.batch)

    def _restore_own(self, own: State) -> None:
        self.meter.merge(own["meter"])
        torch.set_rng_state(own["rng"]["cpu"])
        if self.device.type != "cpu" and "device" in own["rng"]:
            _backend(self.device).set_rng_state(own["rng"]["device"])


def _backend(device: torch.device) -> Any:
    return getattr(torch, device.type)


def _nothing(plan: Plan, images: int, batches: int) -> Diagnostic:
    if batches:
        return NOTHING.at(plan.train.span(), "the network has no parameters to train", "add a conv or a classifier")
    message = f"{images} training image{'s' if images != 1 else ''} make no batch"
    return NOTHING.at(plan.data.span("dataset"), message, "give it at least two images")
