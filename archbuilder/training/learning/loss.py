"""Train -> torch: what a network's outputs are held against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archbuilder.spec.train.objectives import CrossEntropy, Distill


class Objective:
    """The loss of a batch: cross-entropy, and the teacher's part where there is one.

    Source: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, section 2.
    """

    def __init__(self, loss: CrossEntropy, distill: Distill | None = None, teacher: nn.Module | None = None) -> None:
        self._smoothing = loss.label_smoothing
        self._distill = distill
        self._teacher = teacher

    def labelled(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy of logits (b, classes) with labels (b,) or probabilities (b, classes), a scalar."""
        return F.cross_entropy(logits.float(), targets, label_smoothing=self._smoothing)

    def __call__(self, images: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
        """What training makes small on images (b, c, h, w), a scalar."""
        loss = self.labelled(logits, targets)
        if self._distill is None or self._teacher is None:
            return loss
        heat, weight = self._distill.temperature, self._distill.weight
        with torch.no_grad():
            told = F.log_softmax(self._teacher(images).float() / heat, dim=1)
        said = F.log_softmax(logits.float() / heat, dim=1)
        apart = F.kl_div(said, told, reduction="batchmean", log_target=True)
        return (1 - weight) * loss + weight * heat**2 * apart
