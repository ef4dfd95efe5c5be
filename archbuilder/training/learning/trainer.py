"""Everything that changes while a network is trained, and how one epoch changes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.data.arrays import Images, Splits
from archbuilder.data.batches import TrainBatches, batch_count, eval_batches
from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.quantized.quantization_aware import RoundedNetwork
from archbuilder.quantized.scales import NO_NUMBER
from archbuilder.run.plan import Plan
from archbuilder.run.processes import ALONE, Processes
from archbuilder.run.result import Record, Score
from archbuilder.trained.calibration import Integers, calibrated, some
from archbuilder.trained.evaluation import Mirrored
from archbuilder.training.learning.loop import Meter, Outcome, Timed, evaluate, train_pass
from archbuilder.training.learning.network import compiled, make_network, make_objective
from archbuilder.training.learning.objectives import Mixer
from archbuilder.training.learning.optimizers import make_optimizer
from archbuilder.training.learning.schedule import Schedule
from archbuilder.training.learning.step import TrainStep, Turn
from archbuilder.training.learning.transfer import Source, put

NOT_FINITE = declare(
    "AB712",
    "a loss that is not a finite number",
    why=(
        "The weights or the loss have grown beyond the range of floating point, usually because the learning rate is "
        "too high, and no further step can correct that. The run keeps its last good checkpoint."
    ),
    bad="$ archbuilder train net.yaml --set 'train.optimizer={sgd: {lr: 1e30}}' --set train.schedule=none",
    good="$ archbuilder train net.yaml --no-report",
)

Watch = Callable[[int, Score], None]  # the epoch, and its score up to now
Between = Callable[[], None]  # after every batch: the trainer is in a state that can be saved
State = dict[str, Any]


class Trainer:
    """Module, optimizer and schedule of one run: made once, in a state that can be saved and brought back.

    metrics: one record per finished epoch.
    batch:   batches of the next epoch that are trained already; its sums are in `meter`.
    whole:   does all that `state` holds fit together?  Not between the batches of one step of the optimizer.
    source:  the run whose weights it begins with; `begins_with` says which were taken.
    """

    def __init__(
        self,
        plan: Plan,
        splits: Splits,
        device: torch.device,
        processes: Processes = ALONE,
        source: Source | None = None,
    ) -> None:
        self.plan, self.splits, self.device, self.processes = plan, splits, device, processes
        self.metrics: list[Record] = []
        self._begin_epoch()
        recipe, batches = plan.train, self.batches
        self.module = make_network(plan, splits, batches, device)
        self.begins_with = put(source, self.module, plan.classes) if source else ""
        self.optimizer = make_optimizer(recipe.optimizer, self.module)
        share = recipe.quantize.lr_factor if recipe.quantize else 1.0
        self.schedule = Schedule(recipe.schedule, recipe.epochs, math.ceil(batches / recipe.accumulate), share)
        self.images = TrainBatches(
            splits.train,
            plan.data,
            mean=splits.mean,
            std=splits.std,
            seed=recipe.seed,
            channels_last=recipe.channels_last,
            device=device,
            shard=processes.shard,
        )
        self.objective = make_objective(plan, splits, device)
        self.parallel = compiled(processes.wrap(self.module), plan)
        mixer = Mixer(recipe, plan.classes)
        self.step = TrainStep(
            recipe, self.module, self.parallel, mixer, self.objective, self.optimizer, self.schedule, device
        )
        processes.seed(recipe.seed)

    def _begin_epoch(self) -> None:
        self.batch, self.rate, self.spent, self.waited = 0, 0.0, 0.0, 0.0
        self.whole = True
        self.doubtful = False  # has this process seen a loss that is no number?
        self.meter = Meter(self.device)

    @property
    def done(self) -> int:
        """Epochs that are finished."""
        return len(self.metrics)

    @property
    def evaluated(self) -> nn.Module:
        """The weights that count: their moving average where the recipe keeps one."""
        return self.step.ema.module if self.step.ema else self.module

    def _begin_rounding(self, module: RoundedNetwork) -> None:
        """The ranges of an epoch, the same in all processes."""
        with self._told():
            module.calibrate(self._some())
        module.ranges = self.processes.first(module.ranges)

    def _integers(self, module: RoundedNetwork) -> Integers:
        """The integers that `archbuilder quantize` makes of a network."""
        with self._told():
            return Integers(calibrated(module.program, module, self._some()).model)

    def _some(self) -> tuple[Tensor, ...]:
        return some(self.splits.train, self.plan.data, self.splits.mean, self.splits.std)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Says of values that are no numbers that training has diverged."""
        try:
            yield
        except ArchbuilderError as error:
            problem = error.diagnostics[0]
            if problem.code is not NO_NUMBER:
                raise
            found = f"the int8 ranges of epoch {self.done + 1} cannot be found, because {problem.message}"
            raise self._diverged(found) from None

    @property
    def batches(self) -> int:
        """Batches of an epoch."""
        return batch_count(len(self.splits.train), self.plan.data.batch_size, self.processes.count)

    def epoch(self, watch: Watch, between: Between = lambda: None, aside: Between = lambda: None) -> Record:
        """Train one epoch, or the rest of it, and evaluate; the record is added to `metrics`.

        between: is called after every step of the optimizer; what it raises ends the epoch there, and `epoch`
                 may be called again.
        aside:   is called after every batch of an evaluation, and may end the epoch likewise.

        seconds: training and evaluation, without the calibration of int8 before them; images_per_second: of
                 training alone, of whose time `waiting` is the share in which the next batch was not ready.
        Raises ArchbuilderError AB712 where a loss is infinite or no number.
        """
        number = self.done + 1
        last = number == self.plan.train.epochs
        self._aside = aside
        self._train(number, watch, between)
        score = self._finite(self.meter.total(self.processes), number, "training")
        evaluated = perf_counter()
        self.processes.align(self.evaluated)
        result = self.evaluated
        if isinstance(result, RoundedNetwork):
            result = self._integers(result)
        record: Record = {"epoch": number, "train_loss": score.loss, "train_accuracy": score.accuracy}
        if self.splits.validation is not None:
            record |= self._evaluate(result, "validation", self.splits.validation, number)
        if self.splits.validation is None or last:
            record |= self._evaluate(result, "test", self.splits.test, number)
        if last and self.plan.train.tta == "flip":
            record |= self._evaluate(result, "flip_averaged_test", self.splits.test, number)
        seconds = self.spent + perf_counter() - evaluated
        record |= {"lr": self.rate, "seconds": seconds, "images_per_second": score.images / self.spent}
        record["waiting"] = self.waited / self.spent
        self.schedule.end_epoch(record.get("validation_loss", score.loss))
        self.metrics.append(record)
        self._begin_epoch()
        return record

    def _train(self, number: int, watch: Watch, between: Between) -> None:
        if isinstance(self.module, RoundedNetwork) and not self.batch:
            self._begin_rounding(self.module)
        seen, before, waited = perf_counter(), perf_counter() - self.spent, self.waited
        batches = Timed(self.images.epoch(number, self.batch))

        def step(images: Tensor, labels: Tensor) -> Outcome:
            self.whole = False
            self.rate = self.optimizer.lr * self.schedule.factor
            return self.step(images, labels, self._turn(number, len(labels)))

        def look() -> None:
            nonlocal seen
            closed = self._turn(number, 0).closes
            self.batch, self.spent, self.waited = self.batch + 1, perf_counter() - before, waited + batches.waited
            self.whole = closed
            if closed:
                between()
            if perf_counter() - seen > 0.5:  # reading the loss waits for the device
                seen = perf_counter()
                score = self.meter.score()
                self.doubtful = not math.isfinite(score.loss)
                if self.processes.count == 1:  # one process alone would leave others waiting: `check_finite`
                    self._finite(score, number, "training")
                watch(number, score)

        self.parallel.train()
        train_pass(batches, step, self.meter, look)

    def _turn(self, number: int, images: int) -> Turn:
        """The batch that is due, with so many images for this process."""
        every, sizes = self.plan.train.accumulate, self.images.sizes
        start = self.batch // every * every
        together = sizes[start : start + every]  # one step of the optimizer
        weight = images * self.processes.count / sum(together)
        return Turn(number, self.batch, weight, self.batch - start + 1 == len(together))

    def _evaluate(self, module: nn.Module, name: str, images: Images, number: int) -> Record:
        mean, std = self.splits.mean, self.splits.std
        batches = eval_batches(
            images,
            self.plan.data,
            mean=mean,
            std=std,
            channels_last=self.plan.train.channels_last,
            device=self.device,
            shard=self.processes.shard,
        )
        meter = Meter(self.device)
        module = Mirrored(module) if name.startswith("flip_averaged") else module
        evaluate(module, batches, self.objective.labelled, meter, self._aside)
        score = self._finite(meter.total(self.processes), number, name)
        return {f"{name}_loss": score.loss, f"{name}_accuracy": score.accuracy}

    def _finite(self, score: Score, number: int, what: str) -> Score:
        if math.isfinite(score.loss):
            return score
        raise self._diverged(f"the {what} loss of epoch {number} is {score.loss}")

    def _diverged(self, found: str) -> ArchbuilderError:
        lr = self.plan.train.optimizer.lr
        hint = f"lower the learning rate (lr: {lr:g}), lengthen the warm-up, or set clip_gradient: 1"
        if self.plan.train.precision == "fp16":
            hint += "; bf16 and fp32 hold larger numbers than fp16"
        message = f"{found}: training has diverged"
        return ArchbuilderError(NOT_FINITE.at(self.plan.train.span("optimizer"), message, hint))

    def check_finite(self) -> None:
        """Raises ArchbuilderError AB712 where the loss up to now, or a weight, is infinite or no number."""
        score = self.meter.total(self.processes) if self.batch else Score(0.0, 0.0, 0)
        if not all(bool(p.isfinite().all()) for p in self.module.parameters()):
            score = Score(math.nan, 0.0, 0)
        self._finite(score, self.done + 1, "training")

    def state(self) -> State:
        """All of it as tensors and plain data; `model` is what is evaluated."""
        return {
            "epoch": self.done,
            "batch": self.batch,
            "lr": self.rate,
            "seconds": self.spent,
            "metrics": self.metrics,
            "waited": self.waited,
            "model": self.evaluated.state_dict(),
            **({"ranges": self.module.ranges} if isinstance(self.module, RoundedNetwork) else {}),
            **({"moving": self.module.state_dict()} if self.step.ema else {}),
            **self.step.state_dict(),
            "processes": self.processes.gather(self._own()),
        }

    def _own(self) -> State:
        """What each of several processes has for itself: its random numbers, its share of the epoch's sums."""
        rng = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":
            rng["device"] = _backend(self.device).get_rng_state()
        return {"rng": rng, "meter": self.meter.state()}

    def restore(self, state: State) -> None:
        """Restore a saved state.  Raises what torch raises for a state of another network."""
        self.evaluated.load_state_dict(state["model"])
        if self.step.ema:
            self.module.load_state_dict(state["moving"])
        if isinstance(self.module, RoundedNetwork):
            self.module.ranges = state["ranges"]
        self.step.load_state_dict(state)
        self.metrics, self.batch = list(state["metrics"]), state["batch"]
        self.schedule.go_to(self.done, math.ceil(self.batch / self.plan.train.accumulate))
        self.rate, self.spent, self.waited = state["lr"], state["seconds"], state["waited"]
        everyone, processes = state["processes"], self.processes
        self.meter = Meter(self.device)
        if len(everyone) == processes.count:
            self._restore_own(everyone[processes.rank])
            return
        processes.seed(self.plan.train.seed, self.done, self.batch)
        if processes.main:  # it takes the sums of all, and its own random numbers
            for own in reversed(everyone):
                self._restore_own(own)

    def _restore_own(self, own: State) -> None:
        self.meter.merge(own["meter"])
        torch.set_rng_state(own["rng"]["cpu"])
        if self.device.type != "cpu" and "device" in own["rng"]:
            _backend(self.device).set_rng_state(own["rng"]["device"])


def _backend(device: torch.device) -> Any:
    return getattr(torch, device.type)
