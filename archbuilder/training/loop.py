"""One pass over the images: training or evaluation, each in its mode, with its sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Batches = Iterable[tuple[Tensor, Tensor]]  # images (b, c, h, w) float32 and labels (b,) int64, on the device
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Score:
    """Mean loss per image, accuracy in per cent, and over how many images."""

    loss: float
    accuracy: float
    images: int


class Meter:
    """Sums over a pass.  They stay on the device: reading them is what makes a GPU wait."""

    def __init__(self, device: torch.device) -> None:
        exact = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
        self._sums = torch.zeros(2, dtype=exact, device=device)
        self.images = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count a batch: its mean loss (a scalar), logits (b, classes) and labels (b,)."""
        with torch.no_grad():
            right = (logits.argmax(1) == labels).sum()
            self._sums += torch.stack((loss * len(labels), right.to(loss.dtype)))
        self.images += len(labels)

    def score(self) -> Score:
        loss, right = self._sums.tolist()
        return Score(loss / self.images, 100 * right / self.images, self.images)


def train_pass(
    module: nn.Module,
    batches: Batches,
    loss_of: Loss,
    optimizer: Optimizer,
    schedule: LRScheduler,
    meter: Meter,
    watch: Callable[[Meter], None],
) -> float:
    """One epoch of training; the schedule moves on with every batch, and `watch` sees the meter after it.

    The meter gets the training images as they were seen: augmented, with dropout, the weights
    still moving.  Returns the learning rate of the last batch.
    """
    module.train()
    rate = 0.0
    for images, labels in batches:
        optimizer.zero_grad()
        logits = module(images)
        loss = loss_of(logits, labels)
        loss.backward()
        rate = float(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
        meter.add(loss, logits, labels)
        watch(meter)
    return rate


@torch.no_grad()
def evaluate(module: nn.Module, batches: Batches, loss_of: Loss, meter: Meter) -> Score:
    """The score on all images of a split, in eval mode: no dropout, BatchNorm's running statistics."""
    module.eval()
    for images, labels in batches:
        logits = module(images)
        meter.add(loss_of(logits, labels), logits, labels)
    return meter.score()
