"""A run from its start, or from its last checkpoint, to its end: the order in which things become files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from signal import Signals
from typing import Any

import torch

from archbuilder.data.arrays import Splits
from archbuilder.data.preview import sample_grid
from archbuilder.data.warnings import remarks
from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.evidence import REPORT, finish
from archbuilder.evidence.curves import curves
from archbuilder.evidence.notebook import growing
from archbuilder.modules.weights import read, weights
from archbuilder.pipeline import judged
from archbuilder.reporting.diagnostic import printable
from archbuilder.reporting.goals import verdict
from archbuilder.reporting.json import to_dict
from archbuilder.run import checkpoint, json_files
from archbuilder.run.environment import choices, environment, resumed
from archbuilder.run.folder import (
    ARCHITECTURE,
    CURVES,
    DATASET,
    ENVIRONMENT,
    FACTS,
    LAST,
    METRICS,
    MIDWAY,
    SAMPLES,
    WEIGHTS,
    Onlooker,
    RunFolder,
    created,
    opened,
    row,
)
from archbuilder.run.plan import Plan
from archbuilder.run.processes import Processes
from archbuilder.run.progress import closing, progress
from archbuilder.run.result import Interrupted, Record, RunResult, Score, typed
from archbuilder.run.signals import HOW, Ending
from archbuilder.schema.model import Model
from archbuilder.trained.open import DataCard, images_of, refuse_other_data
from archbuilder.training.checkpointing import Keeper, Stop, lines
from archbuilder.training.forecast import Forecast
from archbuilder.training.learning import transfer
from archbuilder.training.learning.trainer import Trainer
from archbuilder.training.parallel import joined
from archbuilder.training.torch_errors import explained, is_lost_worker


def describe(folder: RunFolder, plan: Plan, place: torch.device, processes: Processes) -> Splits:
    """Write the network, its facts, the environment and the images, which are read for it and given back."""
    folder.write(ARCHITECTURE, plan.text)
    for name, text in plan.copies.items():
        folder.write(name, text)
    folder.write_json(FACTS, {**to_dict(plan.report), "data": plain(plan.data), "train": plain(plan.train)})
    folder.write_json(ENVIRONMENT, {**environment(place, processes.count), **choices(plan)})
    splits = images_of(plan)
    folder.write_json(DATASET, asdict(DataCard.of(plan.data.dataset, splits)))
    if processes.main:
        folder.write(SAMPLES, sample_grid(splits, plan.data, plan.train.seed))
    return splits


def plain(value: Any) -> Any:
    """A section of the YAML with every default filled in, as plain data; models under their class's names."""
    if isinstance(value, Model):
        return {name: _named(getattr(value, name)) for name in type(value).model_fields}
    return value


def _named(value: Any) -> Any:
    if isinstance(value, Model):
        return {type(value).__name__: plain(value)}
    return [_named(item) for item in value] if isinstance(value, (list, tuple)) else value


OnEpoch = Callable[[Record], None]

UNTRAINED = declare(
    "AB886",
    "training with int8 rounding from random weights",
    exit_status=2,
    why=(
        "Rounding is trained at the end, at a hundredth of the learning rates: from random weights the network would "
        "learn little. Train a run in float first, then continue from it with --init."
    ),
    bad="$ archbuilder train net.yaml --no-report --set train.quantize=int8",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train --init runs/net/* --no-report --set train.quantize=int8""",
)


def run(plan: Plan, on_epoch: OnEpoch, ending: Ending | None = None, until: int | None = None) -> RunResult:
    """Train what a plan says to its last epoch, or `until` one before.

    ending: of more than this run, which hears the signals between its runs as well.
    """
    with joined(plan) as (place, processes), explained(plan):
        return Session(plan, place, processes, on_epoch, ending, until).run()


class Session:
    """One run as this process trains it: its plan, its device, and the other processes."""

    def __init__(
        self,
        plan: Plan,
        place: torch.device,
        processes: Processes,
        on_epoch: OnEpoch,
        ending: Ending | None = None,
        until: int | None = None,
    ) -> None:
        self.plan, self.place, self.processes, self.on_epoch = plan, place, processes, on_epoch
        self.ending = ending or Ending()
        self.until = min(until or plan.train.epochs, plan.train.epochs)
        self.folder: RunFolder | None = None

    def run(self) -> RunResult:
        with self.ending.heard():
            try:
                with ExitStack() as stack:
                    if self.plan.path is None:
                        return self._fit(self.make(stack, self.plan.out / self.plan.report.name))
                    return self._resume(stack, self.plan.path)
            except Interrupted:
                raise
            except KeyboardInterrupt:  # at once: a second Ctrl-C, a signal before or after the training, an on_epoch
                signal = self.ending.asked or Signals.SIGINT
                if self.folder is not None and self.folder.published:
                    hurried = self.ending.asked is not None  # raised between two batches: there is time to draw
                    raise self._ended(self.folder, signal, at_once=hurried) from None
                if signal != Signals.SIGINT:
                    raise SystemExit(128 + signal) from None
                raise

    def make(self, stack: ExitStack, parent: Path, name: str | None = None, runs: int = 1) -> Keeper:
        """A new run that could be trained: its folder, called by the time unless it has a name, with all it needs.

        stack: holds the folder for this process.
        runs:  how many there must be room for on the disk: this one, and those that are made after it.
        """
        plan, processes = self.plan, self.processes
        hidden = created(parent) if processes.main else nullcontext(Onlooker(parent, published=False))
        with processes.agreed():
            folder: RunFolder = stack.enter_context(hidden)
            self.folder = folder
            source = self._source()
            splits = describe(folder, plan, self.place, processes)
        with processes.agreed():
            trainer = Trainer(plan, splits, self.place, processes, source)
        keeper = Keeper(trainer, folder, self.ending)
        with processes.agreed():
            keeper.prepare(runs)
        folder.publish(name)
        folder.path = processes.first(folder.path)
        if source:
            processes.say(trainer.begins_with)
        if not plan.report.ok:
            processes.say("note: its check found errors (see facts.json); it is trained anyway (--no-check)")
        return keeper

    def _source(self) -> transfer.Source | None:
        """What the run begins with: the weights of another one, where it was asked for.

        Raises ArchbuilderError AB886 where int8 is to be trained from nothing."""
        if self.plan.train.quantize and not self.plan.options.init:
            message = "quantize: int8 needs trained weights to start from, and this run has none"
            hint = "train in float first, then: archbuilder train --init RUN --set train.quantize=int8"
            raise ArchbuilderError(UNTRAINED.at(self.plan.train.span("quantize"), message, hint))
        return transfer.read(self.plan.options.init) if self.plan.options.init else None

    def _resume(self, stack: ExitStack, path: Path) -> RunResult:
        plan, processes = self.plan, self.processes
        held = opened(path) if processes.main else nullcontext(Onlooker(path, published=True))
        with processes.agreed():
            folder: RunFolder = stack.enter_context(held)
            self.folder = folder
            found = checkpoint.newest(path, plan) if processes.main else None
            if found:
                self._repair(folder, found)
        state = processes.first(found.state if found else None)
        if state is not None and state["epoch"] == plan.train.epochs:
            return self._complete(folder, state)
        if state is not None and state["epoch"] >= self.until:
            return RunResult(folder.path, tuple(state["metrics"]))
        with processes.agreed():
            splits, source = images_of(plan), self._source() if state is None else None
            for doubt in refuse_other_data(path, plan, splits):
                processes.say(f"note: {doubt.message}")
        with processes.agreed():
            trainer = Trainer(plan, splits, self.place, processes, source)
            if state is not None:
                checkpoint.restore(trainer, state, found.path if found else path)
            self._note_resumption(folder, trainer)
        return self._fit(Keeper(trainer, folder, self.ending))

    def _repair(self, folder: RunFolder, found: checkpoint.Found) -> None:
        """Make the files agree with the newest whole checkpoint, whatever a kill or a bad disk has left."""
        done, batch = found.state["epoch"], found.state["batch"]
        for path in found.damaged:
            path.replace(path.with_suffix(".damaged"))
            print(f"note: {path.name} is damaged and was renamed to {path.stem}.damaged")
        if found.damaged:
            print(f"note: the run continues from {found.path.name}, after epoch {done} and {batch} batches")
        if found.path.name != LAST and not batch and done:
            folder.write(LAST, found.path.read_bytes(), row(self.plan.options.keep or 1))
        if found.path.name != MIDWAY:
            folder.remove(MIDWAY)
        if not folder.has(METRICS, lines(found.state["metrics"])):
            folder.write(METRICS, lines(found.state["metrics"]))

    def _note_resumption(self, folder: RunFolder, trainer: Trainer) -> None:
        now = environment(self.place, self.processes.count)
        noted, remarks = resumed(json_files.environment(folder.path), now, trainer.done, trainer.batch)
        folder.write_json(ENVIRONMENT, noted)
        for note in remarks:
            self.processes.say(f"note: {note}")

    def _fit(self, keeper: Keeper) -> RunResult:
        trainer, folder, plan, processes = keeper.trainer, keeper.folder, self.plan, self.processes
        try:
            with self.ending.between_batches():
                self._learn(keeper)
        finally:
            trainer.images.close()
        if trainer.done < plan.train.epochs:
            again = typed("train", "--resume", folder.path)
            processes.say(f"paused after epoch {trainer.done} of {plan.train.epochs}; continue with: {again}")
            return RunResult(folder.path, tuple(trainer.metrics))
        processes.say(closing(trainer.metrics, len(trainer.splits.test)))
        self._judge(trainer.metrics)
        processes.say(f"run:    {folder.path}")
        if plan.options.report and processes.main:
            if self.ending.asked:  # the signal came after the last batch
                raise self._ended(folder, self.ending.asked)
            finish(folder.path, trainer.splits, trainer.device)
        return RunResult(folder.path, tuple(trainer.metrics))

    def _judge(self, metrics: Sequence[Record]) -> None:
        """Say whether the run is what its file and its packs ask for."""
        report = judged(self.plan.report, metrics)
        if said := list(verdict(report)):
            self.processes.say("\n".join(said))

    def _learn(self, keeper: Keeper) -> None:
        """Every epoch that is left, and the files of a finished run.  Raises Interrupted where a signal asks for it."""
        trainer, folder, plan, processes = keeper.trainer, keeper.folder, self.plan, self.processes
        processes.say(opening(trainer, folder.path))
        show = progress(plan.train.epochs, trainer.done, len(trainer.splits.train), quiet=not processes.main)

        forecast = Forecast(trainer, show.say)

        def watch(epoch: int, score: Score) -> None:
            seen = score.images * processes.count
            show.update(epoch, replace(score, images=seen))
            forecast.seen(epoch, seen)

        draw = growing(plan.train.epochs)
        try:
            with self._logging(folder, fresh=not (trainer.done or trainer.batch)) as log:
                while trainer.done < self.until:
                    record = trainer.epoch(watch, keeper.between, keeper.aside)
                    keeper.epoch()
                    show.epoch(record)
                    forecast.epoch(record)
                    log(record)
                    if processes.main:
                        draw(trainer.metrics)
                        self.on_epoch(record)
            if trainer.done == plan.train.epochs:
                self._end(folder, trainer.metrics, trainer.evaluated.state_dict())
        except (Stop, RuntimeError) as error:
            # A scheduler signals all processes.  Workers ignore it, but the server that Python 3.14 forks them from
            # does not, and torch's workers end with their parent: then there is no next batch, and that may show before
            # this process has come to where it raises Stop.
            asked = self.ending.asked or Signals.SIGTERM  # else another of several processes was asked
            if not (isinstance(error, Stop) or (self.ending.asked and is_lost_worker(error))):
                raise
            show.close()
            if trainer.whole:
                keeper.midway()
            raise self._ended(folder, asked) from None
        finally:
            show.close()

    def _logging(self, folder: RunFolder, fresh: bool) -> AbstractContextManager[OnEpoch]:
        if not (self.plan.options.log and self.processes.main):
            return nullcontext(lambda record: None)
        from archbuilder.training.trackers import tracking

        return tracking(self.plan, folder.path, self.place, fresh)

    def _ended(self, folder: RunFolder, signal: Signals, at_once: bool = False) -> Interrupted:
        """Make the files of a run that was stopped agree with its checkpoint, and say what that holds.

        at_once: leave the drawing out, which takes a second.
        """
        status = 128 + signal
        if not self.processes.main:
            raise SystemExit(status)
        found = checkpoint.newest(folder.path, self.plan)
        metrics, batch = (found.state["metrics"], found.state["batch"]) if found else ([], 0)
        if metrics:
            folder.write(METRICS, lines(metrics))  # a second Ctrl-C may have come between the two files
            if not at_once:
                self._draw(folder, metrics)
        more = f" and {batch} batch{'es' if batch > 1 else ''} of the next one" if batch else ""
        kept = f"{len(metrics)} of {self.plan.train.epochs} epochs{more} are kept"
        return Interrupted(folder.path, HOW[signal], kept, status)

    def _complete(self, folder: RunFolder, state: checkpoint.State) -> RunResult:
        """A run that has all its epochs: only what a kill after the last one, or a bad disk, may have left undone."""
        plan, metrics = self.plan, state["metrics"]
        if not (folder.has(CURVES) and _is_whole(folder.path / WEIGHTS)):
            self._end(folder, metrics, state["model"])
        if plan.options.report and self.processes.main and not folder.has(REPORT):
            finish(folder.path, images_of(plan), self.place)
        epochs = plan.train.epochs
        trained = "its only epoch is trained" if epochs == 1 else f"all {epochs} epochs are trained"
        remark = f"{trained}, there is nothing to continue"
        self.processes.say(f"{folder.path} is finished: {remark}")
        self._judge(metrics)
        return RunResult(folder.path, tuple(metrics))

    def _end(self, folder: RunFolder, metrics: Sequence[Record], model: dict[str, torch.Tensor]) -> None:
        """The files that a run has only when all its epochs are trained."""
        if not self.processes.main:
            return
        folder.write(WEIGHTS, weights(model))
        self._draw(folder, metrics)

    def _draw(self, folder: RunFolder, metrics: Sequence[Record]) -> None:
        plan = self.plan
        title = f"{plan.report.name}: {plan.data.dataset}, {plan.train.epochs} epochs, seed {plan.train.seed}"
        folder.write(CURVES, curves(metrics, title))


def _is_whole(path: Path) -> bool:
    """Whether a file has weights that match its checksum."""
    try:
        return bool(read(path))
    except ArchbuilderError:
        return False


def opening(trainer: Trainer, path: Path) -> str:
    """What is about to be trained, on what, and where it goes."""
    splits, device = trainer.splits, trainer.device.type
    parameters = sum(p.numel() for p in trainer.module.parameters())
    parts = {"training": splits.train, "validation": splits.validation, "test": splits.test}
    images = ", ".join(f"{len(part):,} {name}" for name, part in parts.items() if part is not None)
    images += f" images, a subset of the {splits.subset_of:,} training images" if splits.subset_of else " images"
    threads = torch.get_num_threads()
    cores = f", {threads} thread{'s' if threads > 1 else ''}" if device == "cpu" else ""
    count = trainer.processes.count
    cores += f", {count} processes" if count > 1 else ""
    after = f", continues after epoch {trainer.done}" if trainer.done or trainer.batch else ""
    after += f" and {trainer.batch} batches" if trainer.batch else ""
    network = f"{trainer.plan.report.name}: {parameters:,} parameters"
    notes = [f"note: {printable(remark)}" for remark in remarks(splits)]
    return "\n".join([f"{network}; {images}; {device}{cores}", *notes, f"run: {path}{after}"])
