"""A trained network held against a test split, whole: what `archbuilder evaluate` says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archbuilder import pipeline
from archbuilder.data.arrays import Splits
from archbuilder.data.datasets import load
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable
from archbuilder.reporting.goals import to_dict as goal
from archbuilder.reporting.goals import verdict
from archbuilder.reporting.text import columns
from archbuilder.run.progress import counted
from archbuilder.trained.evaluation import Mirrored, Outcome, figures, predictions
from archbuilder.trained.open import LAST, Run, Trained, doubts

HEADER = ("class", "images", "right", "accuracy", "most often taken for")
LEFT = ("class", "most often taken for")


@dataclass(frozen=True)
class Assessment:
    """The figures of one network on one test split.

    averaged: the same with the logits of each image and its mirror image averaged, where it was asked for.
    renamed:  does the data set name its classes otherwise than the one that the network was trained on?
    doubts:   warnings: whether it is what was trained, and on these data.
    report:   on the network, its goals held against these figures, and against the log where they say nothing.
    """

    dataset: str
    which: str
    epoch: int
    outcome: Outcome
    averaged: Outcome | None
    renamed: bool
    doubts: tuple[Diagnostic, ...] = ()
    report: Report | None = None


def assess(
    trained: Trained, device: torch.device, dataset: str | None = None, mirrored: bool = False, which: str = LAST
) -> Assessment:
    """Every image of the test split, in evaluation mode, normalised as in the network's own training.

    dataset: another one than it was trained on, of the same shape and as many classes.
    Raises ArchbuilderError for weights or a data set that cannot be read, or that does not fit.
    """
    module = trained.network(which).to(device).to(memory_format=torch.channels_last)
    splits = trained.splits if dataset is None else elsewhere(trained, dataset)
    card, data = trained.card, trained.plan.data

    def on_test(module: nn.Module) -> Outcome:
        with counted("evaluate", len(splits.test)) as seen:
            found = predictions(module, splits.test, data, card.mean, card.std, device, seen)
        return figures(found, splits.class_names)

    outcome = on_test(module)
    return Assessment(
        dataset=dataset or card.dataset,
        which=which,
        epoch=trained.epoch_of(which),
        outcome=outcome,
        averaged=on_test(Mirrored(module)) if mirrored else None,
        renamed=splits.class_names != card.classes,
        doubts=tuple(doubts(trained, splits if dataset is None else None)),
        report=_again(trained, outcome.accuracy) if dataset is None and which == LAST else None,
    )


def _again(trained: Trained, accuracy: float) -> Report:
    """The goals by the log, in which the last epoch's test accuracy is the one that was measured now."""
    epochs, report = trained.plan.train.epochs, trained.plan.report
    log = list(trained.metrics) if isinstance(trained, Run) else [{}] * epochs
    if len(log) == epochs:
        log[-1] = {**log[-1], "test_accuracy": accuracy}
    return pipeline.judged(report, log)


def elsewhere(trained: Trained, dataset: str) -> Splits:
    """The images of another data set, as the network takes them; a path counts from the current folder."""
    file = Path(dataset).expanduser()
    name = str(file.absolute()) if file.exists() else dataset
    there = [
        f"data.dataset={json.dumps(name)}",
        "data.subset=null",
        "data.validation=0",
        "data.batch_size=1",
    ]  # nothing is trained there
    x = trained.plan.graph.input
    report = pipeline.check_opened(trained.plan.opened, there)
    try:
        if report.spec is None or report.spec.data is None:
            raise ArchbuilderError(*report.errors)
        return load(report.spec.data, (x.c, x.h, x.w), trained.plan.classes, data_dir=trained.plan.options.data_dir)
    except ArchbuilderError as error:
        raise ArchbuilderError(*(replace(found, span=Span("--dataset")) for found in error.diagnostics)) from None


def text(trained: Trained, found: Assessment) -> Iterator[str]:
    """For people."""
    one = found.outcome
    weights = f"the weights after epoch {found.epoch} ({found.which})" if found.epoch else "weights trained elsewhere"
    yield f"{trained.name}: {weights}, on {found.dataset}"
    yield f"test accuracy    {one.accuracy:.2f} % on all {one.images:,} test images ({one.right:,} right)"
    yield f"{'':16} {one.low:.2f} to {one.high:.2f} % with 95 % confidence; cross-entropy {one.loss:.4f}"
    if found.averaged:
        words = "logits of each image and its mirror image averaged: not the network's own result"
        yield f"with flips       {found.averaged.accuracy:.2f} % ({words})"
    for doubt in found.doubts:
        yield f"warning: {doubt.code.id} {doubt.message}"
    if found.renamed:
        own = trained.card.dataset
        yield f"note: {found.dataset} names its classes otherwise than {own}: they are compared by number"
    if found.report:
        yield from verdict(found.report, source=", the test accuracy measured again")
    yield ""
    rows = [
        (printable(c.name), f"{c.images:,}", f"{c.right:,}", f"{c.accuracy:.1f} %", _rival(c.rival, c.taken))
        for c in one.classes
    ]
    yield from columns([HEADER, *rows], LEFT)


def _rival(name: str, taken: int) -> str:
    return f"{printable(name)} ({taken})" if taken else ""


def to_dict(trained: Trained, found: Assessment) -> dict[str, Any]:
    """As plain data, version 1."""
    return {
        "version": 1,
        "run": str(trained.path),
        "dataset": found.dataset,
        "split": "test",
        "weights": found.which,
        "epoch": found.epoch,
        **found.outcome.to_dict(),
        "flip_averaged_accuracy": found.averaged.accuracy if found.averaged else None,
        "goals": [goal(standing) for standing in found.report.goals] if found.report else [],
        "warnings": [{"code": doubt.code.id, "message": doubt.message} for doubt in found.doubts],
    }
