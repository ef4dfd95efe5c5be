"""Train -> torch: what a network's outputs are held against."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from archbuilder.spec.train.objectives import CrossEntropy


def make_loss(loss: CrossEntropy) -> Callable[[Tensor, Tensor], Tensor]:
    """(logits (b, classes), labels (b,) or probabilities (b, classes)) -> the mean loss of the batch, a scalar."""
    return nn.CrossEntropyLoss(label_smoothing=loss.label_smoothing)
