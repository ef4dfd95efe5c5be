"""What predictions for a whole split come to: accuracy, class by class, and which classes are confused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbuilder.trained.evaluation import Predictions, interval

MOST_PAIRS = 12
MOST_CLASSES = 1000  # of a matrix that somebody could look at: a million numbers


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
