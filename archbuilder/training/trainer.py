"""Everything that changes while a network is trained, and how one epoch changes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch

from archbuilder.data.arrays import Images, Splits
from archbuilder.data.batches import batch_count, eval_batches, train_batches
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, declare
from archbuilder.modules import build
from archbuilder.modules.quick import quicken
from archbuilder.training.loop import Meter, Score, evaluate, train_pass
from archbuilder.training.plan import Plan
from archbuilder.training.recipe import make_loss, make_optimizer, make_schedule
from archbuilder.training.result import Record

NOTHING = declare("AB711", "nothing that could be trained")
NOT_FINITE = declare("AB712", "a loss that is no longer a number")

Watch = Callable[[int, Score], None]  # the epoch, and its score up to now
State = dict[str, Any]


class Trainer:
    """Module, optimizer and schedule of one run: made once, in a state that can be saved and brought back.

    metrics: one record per finished epoch.
    """

    def __init__(self, plan: Plan, splits: Splits, device: torch.device) -> None:
        self.plan, self.splits, self.device = plan, splits, device
        self.metrics: list[Record] = []
        recipe, batches = plan.train, batch_count(len(splits.train), plan.data.batch_size)
        torch.manual_seed(recipe.seed)
        module = build(plan.graph).to(device)
        if not batches or not any(p.requires_grad for p in module.parameters()):
            raise ArchbuilderError(_nothing(plan, len(splits.train), batches))
        self.module = module.to(memory_format=torch.channels_last)
        if device.type == "cpu":
            quicken(self.module)
        self.optimizer = make_optimizer(recipe.optimizer, self.module)
        self.schedule = make_schedule(recipe.schedule, self.optimizer, recipe.epochs, batches)
        self.loss = make_loss(recipe.loss)

    @property
    def done(self) -> int:
        """Epochs that are finished."""
        return len(self.metrics)

    def epoch(self, watch: Watch) -> Record:
        """Train one epoch and evaluate; the record is added to `metrics`.

        seconds: training and evaluation; images_per_second: of training alone.
        Raises ArchbuilderError AB712 where a loss is infinite or no number.
        """
        number, start = self.done + 1, perf_counter()
        last = number == self.plan.train.epochs
        meter = Meter(self.device)
        rate = self._train(number, meter, watch)
        score = self._finite(meter.score(), number, "training")
        trained = perf_counter() - start
        record: Record = {"epoch": number, "train_loss": score.loss, "train_accuracy": score.accuracy}
        if self.splits.validation is not None:
            record |= self._evaluate("validation", self.splits.validation, number)
        if self.splits.validation is None or last:
            record |= self._evaluate("test", self.splits.test, number)
        record |= {"lr": rate, "seconds": perf_counter() - start, "images_per_second": score.images / trained}
        self.metrics.append(record)
        return record

    def _train(self, number: int, meter: Meter, watch: Watch) -> float:
        data, splits = self.plan.data, self.splits
        batches = train_batches(
            splits.train,
            data,
            mean=splits.mean,
            std=splits.std,
            seed=self.plan.train.seed,
            epoch=number,
            device=self.device,
        )
        seen = perf_counter()

        def look(meter: Meter) -> None:
            nonlocal seen
            if perf_counter() - seen > 0.5:  # to look is to wait for the device
                seen = perf_counter()
                watch(number, self._finite(meter.score(), number, "training"))

        return train_pass(self.module, batches, self.loss, self.optimizer, self.schedule, meter, look)

    def _evaluate(self, name: str, images: Images, number: int) -> Record:
        mean, std = self.splits.mean, self.splits.std
        batches = eval_batches(images, self.plan.data, mean=mean, std=std, device=self.device)
        score = self._finite(evaluate(self.module, batches, self.loss, Meter(self.device)), number, name)
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
        rng = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":
            rng["device"] = _backend(self.device).get_rng_state()
        return {
            "run": self.plan.identity,
            "epoch": self.done,
            "metrics": self.metrics,
            "model": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": rng,
        }

    def restore(self, state: State) -> None:
        """Be as `state` was when it was saved.  Raises what torch raises for a state of another network."""
        self.module.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.metrics = list(state["metrics"])
        torch.set_rng_state(state["rng"]["cpu"])
        if self.device.type != "cpu" and "device" in state["rng"]:
            _backend(self.device).set_rng_state(state["rng"]["device"])


def _backend(device: torch.device) -> Any:
    return getattr(torch, device.type)


def _nothing(plan: Plan, images: int, batches: int) -> Diagnostic:
    if batches:
        return NOTHING.at(plan.train.span(), "the network has no parameters to train", "add a conv or a classifier")
    message = f"{images} training image{'s' if images != 1 else ''} make no batch"
    return NOTHING.at(plan.data.span("dataset"), message, "give it at least two images")
