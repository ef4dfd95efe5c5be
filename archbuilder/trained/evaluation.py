"""What a trained network says about every image of a split, and the figures that come out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archbuilder.data.arrays import Images
from archbuilder.data.batches import eval_batches
from archbuilder.spec.data import Data

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
    """What logits (n, classes) say of n images with these labels."""
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

    seen: is told after every batch how many images that was.
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
