"""What a trained network says about every image of a split, and the figures that come out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archbuilder.data.arrays import Images
from archbuilder.data.batches import eval_batches
from archbuilder.spec.data import Data

NORMAL_95 = 1.959964  # the normal distribution's two-sided 95 % point


@dataclass(frozen=True)
class Predictions:
    """`logits` float64 (n, classes) and the true `labels` int64 (n,), in the split's own order."""

    logits: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The class with the highest logit, (n,)."""
        return np.asarray(self.logits.argmax(axis=1), np.int64)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Softmax of the logits, (n, classes)."""
        return softmax(self.logits)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How many images of class `row` were taken for class `column`, (classes, classes)."""
        classes = self.logits.shape[1]
        counts = np.bincount(self.labels * classes + self.predicted, minlength=classes * classes)
        return np.asarray(counts.reshape(classes, classes), np.int64)

    @property
    def right(self) -> int:
        """Images whose class is predicted."""
        return int(self.confusion.trace())

    @property
    def accuracy(self) -> float:
        """In per cent of all images of the split."""
        return 100 * self.right / len(self)

    @cached_property
    def loss(self) -> float:
        """Mean cross-entropy in nats, without label smoothing."""
        highest = self.logits.max(axis=1)
        total = np.log(np.exp(self.logits - highest[:, None]).sum(axis=1)) + highest
        return float((total - self.logits[np.arange(len(self)), self.labels]).mean())

    def mistakes(self, count: int) -> list[int]:
        """Indices of the images that the network is surest of and wrong about, the surest first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        sureness = self.probabilities[wrong, self.predicted[wrong]]
        order: list[int] = wrong[np.argsort(-sureness, kind="stable")[:count]].tolist()
        return order


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
    logits, labels = [], []
    for batch, truth in eval_batches(images, data, mean=mean, std=std, device=device):
        out = module(batch)
        logits.append(out.cpu().double())
        labels.append(truth.cpu())
        seen(len(truth))
    return Predictions(torch.cat(logits).numpy(), torch.cat(labels).numpy())


def interval(right: int, images: int) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy, in per cent.  Source: Wilson, JASA 1927."""
    share, z2 = right / images, NORMAL_95**2
    centre = (share + z2 / (2 * images)) / (1 + z2 / images)
    half = NORMAL_95 / (1 + z2 / images) * sqrt(share * (1 - share) / images + z2 / (4 * images**2))
    return 100 * (centre - half), 100 * (centre + half)
