"""A run from its start, or from its last checkpoint, to its end: the order in which things become files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from archbuilder.reporting.json import to_dict
from archbuilder.schema.model import Model
from archbuilder.training import checkpoint, device
from archbuilder.training.curves import curves
from archbuilder.training.environment import environment
from archbuilder.training.evidence import REPORT, finish
from archbuilder.training.failures import explained
from archbuilder.training.folder import (
    ARCHITECTURE,
    BEST,
    CURVES,
    DATASET,
    ENVIRONMENT,
    FACTS,
    LAST,
    METRICS,
    RunFolder,
    created,
    opened,
)
from archbuilder.training.plan import Plan
from archbuilder.training.progress import closing, opening, progress
from archbuilder.training.result import Interrupted, Record, RunResult, best_of
from archbuilder.training.runs import DataCard, images_of
from archbuilder.training.trainer import Trainer

OnEpoch = Callable[[Record], None]


def run(plan: Plan, on_epoch: OnEpoch) -> RunResult:
    """Train what a plan says to its last epoch."""
    place = device.pick(plan.options.device)
    with device.settings(place, plan.options.threads):
        if plan.path is None:
            return _start(plan, place, on_epoch)
        return _resume(plan, plan.path, place, on_epoch)


def _start(plan: Plan, place: torch.device, on_epoch: OnEpoch) -> RunResult:
    with created(plan.out, plan.report.name) as folder:
        folder.write(ARCHITECTURE, plan.text)
        folder.write_json(FACTS, {**to_dict(plan.report), "data": plain(plan.data), "train": plain(plan.train)})
        folder.write_json(ENVIRONMENT, {**environment(place), **_choices(plan)})
        splits = images_of(plan)
        folder.write_json(DATASET, asdict(DataCard.of(plan.data.dataset, splits)))
        trainer = Trainer(plan, splits, place)
        folder.publish()
        if not plan.report.ok:
            print("note: its check finds errors, as facts.json says; it is trained all the same (--no-check)")
        return _fit(trainer, folder, on_epoch)


def _resume(plan: Plan, path: Path, place: torch.device, on_epoch: OnEpoch) -> RunResult:
    with opened(path) as folder:
        state = checkpoint.load(path / LAST, plan.identity)
        if state is not None and state["epoch"] == plan.train.epochs:
            return _complete(plan, folder, state["metrics"])
        trainer = Trainer(plan, images_of(plan), place)
        if state is not None:
            checkpoint.restore(trainer, state, path / LAST)
            folder.write(METRICS, lines(trainer.metrics))  # a kill may have come between the two files
        _note_resumption(folder, environment(place), trainer.done)
        return _fit(trainer, folder, on_epoch)


def _complete(plan: Plan, folder: RunFolder, metrics: list[Record]) -> RunResult:
    """A run that has all its epochs: only what a kill after the last one may have left undone."""
    if not folder.has(METRICS, lines(metrics)):
        folder.write(METRICS, lines(metrics))
    if not folder.has(CURVES):
        _draw(plan, folder, metrics)
    if plan.options.report and not folder.has(REPORT):
        finish(folder.path, images_of(plan), device.pick(plan.options.device))
    print(f"{folder.path} is finished: all {plan.train.epochs} epochs are trained, there is nothing to go on with")
    return RunResult(folder.path, tuple(metrics))


def _fit(trainer: Trainer, folder: RunFolder, on_epoch: OnEpoch) -> RunResult:
    plan = trainer.plan
    print(opening(trainer, folder.path), flush=True)
    show = progress(plan.train.epochs, trainer.done, len(trainer.splits.train))
    try:
        while trainer.done < plan.train.epochs:
            with explained(plan):
                record = trainer.epoch(show.update)
            _save(trainer, folder)
            show.epoch(record)
            on_epoch(record)
        _draw(plan, folder, trainer.metrics)
    except KeyboardInterrupt:
        show.close()
        raise Interrupted(folder.path, _kept(plan, folder), plan.train.epochs) from None
    finally:
        show.close()
    print(closing(trainer.metrics, len(trainer.splits.test)), f"run:    {folder.path}", sep="\n", flush=True)
    if plan.options.report:
        finish(folder.path, trainer.splits, trainer.device)
    return RunResult(folder.path, tuple(trainer.metrics))


def _save(trainer: Trainer, folder: RunFolder) -> None:
    """The epoch becomes part of the run with last.pt.

    best.pt comes before it: a kill between the two repeats the epoch and writes the same best.pt
    again, while the other order could leave the best epoch without its file.
    """
    content = checkpoint.dump(trainer.state())
    if best_of(trainer.metrics) is trainer.metrics[-1]:
        folder.write(BEST, content)
    folder.write(LAST, content)
    folder.write(METRICS, lines(trainer.metrics))


def _kept(plan: Plan, folder: RunFolder) -> int:
    """Make the files of an interrupted run agree with its checkpoint: how many epochs that holds."""
    state = checkpoint.load(folder.path / LAST, plan.identity)
    if state is None:
        return 0
    folder.write(METRICS, lines(state["metrics"]))  # Ctrl-C may have come between the two files
    _draw(plan, folder, state["metrics"])
    return len(state["metrics"])


def _draw(plan: Plan, folder: RunFolder, metrics: Sequence[Record]) -> None:
    title = f"{plan.report.name}: {plan.data.dataset}, {plan.train.epochs} epochs, seed {plan.train.seed}"
    folder.write(CURVES, curves(metrics, title))


def _choices(plan: Plan) -> dict[str, Any]:
    """What was chosen for this run outside its YAML, and where that came from."""
    return {
        "seed": plan.train.seed,
        "overrides": list(plan.overrides),
        "source": str(Path(plan.report.file).absolute()),
        "data_dir": str(plan.options.data_dir.absolute()) if plan.options.data_dir else None,
        "report": plan.options.report,
    }


def _note_resumption(folder: RunFolder, now: dict[str, Any], done: int) -> None:
    """Record in environment.json that the run goes on, and say if that may change its last bits."""
    first = folder.read_json(ENVIRONMENT)
    past = first.get("resumed", [])
    folder.write_json(ENVIRONMENT, {**first, "resumed": [*past, {"after_epoch": done, **now}]})
    for key in ("torch", "device", "device_name", "threads"):
        if first.get(key) != now[key]:
            was = f"{key} was {first.get(key)} when the run started, and is {now[key]} now"
            print(f"note: {was}: the weights may differ in their last bits from those of an uninterrupted run")


def lines(metrics: Sequence[Record]) -> str:
    """The content of metrics.jsonl."""
    return "".join(json.dumps(record, allow_nan=False) + "\n" for record in metrics)


def plain(value: Any) -> Any:
    """A section of the YAML with every default filled in, as plain data; models under their class's names."""
    if isinstance(value, Model):
        return {name: _named(getattr(value, name)) for name in type(value).model_fields}
    return value


def _named(value: Any) -> Any:
    if isinstance(value, Model):
        return {type(value).__name__: plain(value)}
    return [_named(item) for item in value] if isinstance(value, (list, tuple)) else value
