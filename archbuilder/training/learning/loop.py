"""One pass over the images: training or evaluation, each in its mode, with its sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.run.processes import Processes
from archbuilder.run.result import Score

Batches = Iterable[tuple[Tensor, Tensor]]  # images (b, c, h, w) float32 and labels (b,) int64, on the device
Loss = Callable[[Tensor, Tensor], Tensor]
Outcome = tuple[Tensor, Tensor, Tensor]  # of a training batch: its mean loss, its logits, what they were held against


class Meter:
    """Sums over a pass.  They stay on the device: reading them is what makes a GPU wait."""

    def __init__(self, device: torch.device) -> None:
        exact = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
        self._sums = torch.zeros(2, dtype=exact, device=device)
        self.images = 0

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Count a batch: its mean loss (a scalar), logits (b, classes), and labels (b,) or probabilities (b, classes).

        Of probabilities the class with the largest is the right one: what a mixed image shows most of.
        """
        with torch.no_grad():
            labels = targets.argmax(1) if targets.ndim > 1 else targets
            right = (logits.argmax(1) == labels).sum()
            self._sums += torch.stack((loss * len(labels), right.to(loss.dtype)))
        self.images += len(labels)

    def score(self) -> Score:
        """Of the images that this process has seen."""
        loss, right = self._sums.tolist()
        return Score(loss / self.images, 100 * right / self.images, self.images)

    def total(self, processes: Processes) -> Score:
        """Of the images that all processes have seen together."""
        everyone = Meter(self._sums.device)
        for each in processes.gather(self.state()):
            everyone.merge(each)
        return everyone.score()

    def state(self) -> dict[str, Any]:
        return {"sums": self._sums.cpu(), "images": self.images}

    def merge(self, state: dict[str, Any]) -> None:
        """Add what another meter has seen."""
        self._sums += state["sums"].to(self._sums)
        self.images += state["images"]


class Timed:
    """Batches, and for how many seconds they were waited for."""

    def __init__(self, batches: Batches) -> None:
        self._batches = iter(batches)
        self.waited = 0.0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            start = perf_counter()
            batch = next(self._batches, None)
            self.waited += perf_counter() - start
            if batch is None:
                return
            yield batch


def train_pass(
    batches: Batches, step: Callable[[Tensor, Tensor], Outcome], meter: Meter, watch: Callable[[], None]
) -> None:
    """Training on the batches of an epoch; `step` gives what the meter counts of each, then `watch` is called.

    The meter gets the training images as they were seen: augmented, mixed, with dropout, the weights still moving.
    """
    for images, labels in batches:
        meter.add(*step(images, labels))
        watch()


@torch.no_grad()
def evaluate(
    module: nn.Module, batches: Batches, loss_of: Loss, meter: Meter, after: Callable[[], None] = lambda: None
) -> None:
    """Images of a split into the meter, in eval mode: no dropout, BatchNorm's running statistics.

    after: is called after every batch.
    """
    module.eval()
    for images, labels in batches:
        logits = module(images)
        meter.add(loss_of(logits, labels), logits, labels)
        after()
