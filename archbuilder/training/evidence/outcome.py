"""What a report says about the test images: all of them, class by class, and the worst mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from archbuilder.analysis.facts import Facts
from archbuilder.training.evaluation import Predictions, interval, predictions
from archbuilder.training.evidence.gallery import Mistake, gallery
from archbuilder.training.progress import counted
from archbuilder.training.runs import Run

MOST_PAIRS = 12


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

    `low` and `high` bound the accuracy with 95 % confidence; `confusion` has a row per true class.
    """

    images: int
    right: int
    accuracy: float
    low: float
    high: float
    loss: float
    names: tuple[str, ...]
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...]
    pairs: tuple[Pair, ...]
    mistakes: tuple[Mistake, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The figures as plain data."""
        return {
            "images": self.images,
            "right": self.right,
            "accuracy": self.accuracy,
            "interval_95": [self.low, self.high],
            "cross_entropy": self.loss,
            "classes": list(self.names),
            "confusion": [list(row) for row in self.confusion],
        }


def outcome_of(run: Run, facts: Facts, device: torch.device) -> Outcome:
    """The last epoch's network on every test image, in evaluation mode and without augmentation."""
    module = run.network().to(device).to(memory_format=torch.channels_last)
    card, images, data = run.card, run.splits.test, run.plan.data
    with counted("report", len(images)) as seen:
        found = predictions(module, images, data, card.mean, card.std, device, seen)
    mistakes = gallery(module, facts, images, found, data, card.mean, card.std, device)
    return figures(found, card.classes, mistakes)


def figures(found: Predictions, names: tuple[str, ...], mistakes: tuple[Mistake, ...] = ()) -> Outcome:
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
        classes=tuple(_class(found, number, name, names) for number, name in enumerate(names)),
        confusion=tuple(map(tuple, found.confusion.tolist())),
        pairs=tuple(_pairs(found, names)),
        mistakes=mistakes,
    )


def _class(found: Predictions, number: int, name: str, names: tuple[str, ...]) -> ClassResult:
    row = found.confusion[number].copy()
    images, right = int(row.sum()), int(row[number])
    row[number] = 0
    rival, taken = int(row.argmax()), int(row.max())
    return ClassResult(name, images, right, names[rival] if taken else "", taken)


def _pairs(found: Predictions, names: tuple[str, ...]) -> list[Pair]:
    """The most frequent confusions."""
    wrong = found.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    places = [divmod(place, len(names)) for place in order.tolist()]
    return [Pair(names[row], names[column], int(wrong[row, column])) for row, column in places if wrong[row, column]]
