"""What a trained network says about every image of a split, and the figures that come out of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archbuilder import pipeline
from archbuilder.data.arrays import Images, Splits
from archbuilder.data.batches import eval_batches
from archbuilder.data.datasets import load
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable
from archbuilder.reporting.goals import to_dict as goal
from archbuilder.reporting.goals import verdict
from archbuilder.reporting.text import columns
from archbuilder.run.progress import counted
from archbuilder.spec.data import Data
from archbuilder.trained.calibration import result
from archbuilder.trained.open import LAST, Run, Trained, doubts

NORMAL_95 = 1.959964  # the normal distribution's two-sided 95 % point


@dataclass(frozen=True)
class Predictions:
    """What a network says of each image of a split, in the split's own order, (n,) each.

    labels, predicted: the true class and the one with the highest logit, int64.
    sureness:          the probability of the predicted class, by softmax, float64.
    losses:            cross-entropy in nats, without label smoothing, float64.
    classes:           how many there are.
    """

    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    sureness: NDArray[np.float64]
    losses: NDArray[np.float64]
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def confusions(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(truth, predicted, images) of every pair of classes that occurs, ordered by the first two.

        Not a matrix: of 20,000 classes that would take 3 GB, for at most as many pairs as there are images."""
        pairs, counts = np.unique(self.labels * self.classes + self.predicted, return_counts=True)
        truth, predicted = np.divmod(pairs, self.classes)
        return truth, predicted, counts.astype(np.int64)

    @property
    def right(self) -> int:
        """Images whose class is predicted."""
        return int((self.labels == self.predicted).sum())

    @property
    def accuracy(self) -> float:
        """In per cent of all images of the split."""
        return 100 * self.right / len(self)

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(self.losses.mean())

    def mistakes(self, count: int) -> list[int]:
        """Indices of the images that the network is surest of and wrong about, the surest first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        order: list[int] = wrong[np.argsort(-self.sureness[wrong], kind="stable")[:count]].tolist()
        return order


def predicted_by(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Predictions:
    """The predictions that logits (n, classes) make for n images with these labels."""
    rows = np.arange(len(labels))
    predicted = np.asarray(logits.argmax(axis=1), np.int64)
    highest = logits[rows, predicted]
    total = np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest
    return Predictions(labels, predicted, np.exp(highest - total), total - logits[rows, labels], logits.shape[1])


def joined(parts: Sequence[Predictions]) -> Predictions:
    """The predictions for several batches as those for one split."""
    return Predictions(
        labels=np.concatenate([part.labels for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts]),
        sureness=np.concatenate([part.sureness for part in parts]),
        losses=np.concatenate([part.losses for part in parts]),
        classes=parts[0].classes,
    )


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, classes) -> probabilities of the same shape."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


@torch.no_grad()
def predictions(
    module: nn.Module,
    images: Images,
    data: Data,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device | str,
    seen: Callable[[int], None] = lambda images: None,
) -> Predictions:
    """Every image of a split once, as it is, by a module on the same device; it is put in evaluation mode.

    seen: called after every batch with the number of its images.
    """
    module.eval()
    found = []
    for batch, truth in eval_batches(images, data, mean=mean, std=std, device=device):
        found.append(predicted_by(module(batch).cpu().double().numpy(), truth.cpu().numpy()))
        seen(len(truth))
    return joined(found)


class Mirrored(nn.Module):
    """The mean of a module's logits for each image and for its mirror image: test-time averaging."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = (self.module(images) + self.module(images.flip(-1))) / 2
        return logits


def interval(right: int, images: int) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy, in per cent.  Source: Wilson, JASA 1927."""
    share, z2 = right / images, NORMAL_95**2
    centre = (share + z2 / (2 * images)) / (1 + z2 / images)
    half = NORMAL_95 / (1 + z2 / images) * sqrt(share * (1 - share) / images + z2 / (4 * images**2))
    return 100 * (centre - half), 100 * (centre + half)


MOST_PAIRS = 12
MOST_CLASSES = 1000  # the largest matrix worth looking at: a million numbers


@dataclass(frozen=True)
class ClassResult:
    """One class: how many images of it the split has, how many are right, and what it is most often taken for."""

    name: str
    images: int
    right: int
    rival: str
    taken: int

    @property
    def accuracy(self) -> float:
        """In per cent; of a class without images, 0."""
        return 100 * self.right / self.images if self.images else 0.0


@dataclass(frozen=True)
class Pair:
    """How many images of one class were taken for another."""

    truth: str
    predicted: str
    count: int


@dataclass(frozen=True)
class Outcome:
    """The test split, whole; accuracies in per cent.

    `low` and `high` bound the accuracy with 95 % confidence; `confusion` has a row per true class, and is None where
    there are more than MOST_CLASSES.
    """

    images: int
    right: int
    accuracy: float
    low: float
    high: float
    loss: float
    names: tuple[str, ...]
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    pairs: tuple[Pair, ...]

    def to_dict(self) -> dict[str, object]:
        """The figures as plain data."""
        return {
            "images": self.images,
            "right": self.right,
            "accuracy": self.accuracy,
            "interval_95": [self.low, self.high],
            "cross_entropy": self.loss,
            "classes": list(self.names),
            "confusion": [list(row) for row in self.confusion] if self.confusion else None,
        }


def figures(found: Predictions, names: tuple[str, ...]) -> Outcome:
    """The figures of predictions for a whole split."""
    low, high = interval(found.right, len(found))
    return Outcome(
        images=len(found),
        right=found.right,
        accuracy=found.accuracy,
        low=low,
        high=high,
        loss=found.loss,
        names=names,
        classes=_classes(found, names),
        confusion=_matrix(found) if len(names) <= MOST_CLASSES else None,
        pairs=tuple(Pair(names[truth], names[other], count) for truth, other, count in _wrong(found)[:MOST_PAIRS]),
    )


def _wrong(found: Predictions) -> list[tuple[int, int, int]]:
    """(truth, predicted, images) of every confusion, the most frequent first."""
    pairs = zip(*(column.tolist() for column in found.confusions), strict=True)
    return sorted((pair for pair in pairs if pair[0] != pair[1]), key=lambda pair: -pair[2])


def _classes(found: Predictions, names: tuple[str, ...]) -> tuple[ClassResult, ...]:
    images = np.bincount(found.labels, minlength=len(names)).tolist()
    right = np.bincount(found.labels[found.labels == found.predicted], minlength=len(names)).tolist()
    rivals = {truth: (names[other], count) for truth, other, count in reversed(_wrong(found))}
    return tuple(
        ClassResult(name, images[number], right[number], *rivals.get(number, ("", 0)))
        for number, name in enumerate(names)
    )


def _matrix(found: Predictions) -> tuple[tuple[int, ...], ...]:
    """How many images of class `row` were taken for class `column`."""
    counts = np.zeros((found.classes, found.classes), np.int64)
    truth, predicted, images = found.confusions
    counts[truth, predicted] = images
    return tuple(map(tuple, counts.tolist()))


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
    module = result(trained, which).to(device).to(memory_format=torch.channels_last)
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
    """The goals judged by the log, with the test accuracy of the last epoch as measured now."""
    epochs, report = trained.plan.train.epochs, trained.plan.report
    log = list(trained.metrics) if isinstance(trained, Run) else [{}] * epochs
    if len(log) == epochs:
        log[-1] = {**log[-1], "test_accuracy": accuracy}
    return pipeline.judged(report, log)


def elsewhere(trained: Trained, dataset: str) -> Splits:
    """The images of another data set, as the network takes them; a path counts from the current folder."""
    file = Path(dataset).expanduser()
    name = str(file.absolute()) if file.exists() else dataset
    # nothing is trained there
    there = [f"data.dataset={json.dumps(name)}", "data.subset=null", "data.validation=0", "data.batch_size=1"]
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
    weights += ", in int8" if trained.plan.train.quantize else ""
    yield f"{trained.name}: {weights}, on {found.dataset}"
    yield f"test accuracy    {one.accuracy:.2f} % on all {one.images:,} test images ({one.right:,} right)"
    yield f"{'':16} {one.low:.2f} to {one.high:.2f} % with 95 % confidence; cross-entropy {one.loss:.4f}"
    if found.averaged:
        words = "logits of each image and its mirror image averaged: not the result of the network itself"
        yield f"with flips       {found.averaged.accuracy:.2f} % ({words})"
    for doubt in found.doubts:
        yield f"warning: {doubt.code.id} {doubt.message}"
    if found.renamed:
        own = trained.card.dataset
        yield f"note: {found.dataset} has other class names than {own}: classes are compared by number"
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
