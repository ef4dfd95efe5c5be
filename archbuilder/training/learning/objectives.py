"""What training makes small: the loss, on mixed images and beside a teacher."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archbuilder.data.arrays import MIX, Splits, stream
from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.rules.recipe_fit import at_side
from archbuilder.run.plan import Plan
from archbuilder.spec.train.objectives import CrossEntropy, Distill, Mixing, Mixup
from archbuilder.spec.train.recipe import Train
from archbuilder.trained.open import Run, open_run


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


Mixed = tuple[Tensor, Tensor]


class Mixer:
    """Mixes batches as a recipe says; what is drawn depends on the seed, the epoch and the batch alone."""

    def __init__(self, train: Train, classes: int) -> None:
        self._seed, self._classes = train.seed, classes
        self._ways: list[Mixing] = [way for way in (train.mixup, train.cutmix) if way]

    def __call__(self, images: Tensor, labels: Tensor, epoch: int, batch: int, progress: float) -> Mixed:
        """(b, c, h, w) and (b,) -> images of the same shape, and what they show.

        progress: the share of the run that is over.
        Returns the labels themselves where nothing is mixed, else probabilities (b, classes).
        A batch is in random order, so that the image before is a random one.
        """
        if not self._ways:
            return images, labels
        random = stream(self._seed, epoch, MIX, batch)
        way, share = self._draw(random, progress)
        if way is None or not share:
            return images, labels
        other = images.roll(1, 0)
        if isinstance(way, Mixup):
            images = images.lerp(other, share)
        else:
            images, share = _pasted(images, other, share, random)
        first = F.one_hot(labels, self._classes).to(images.dtype)
        return images, first.lerp(first.roll(1, 0), share)

    def _draw(self, random: np.random.Generator, progress: float) -> tuple[Mixing | None, float]:
        """Which way of mixing this batch gets, if any, and the share of the other image."""
        point = random.random()
        for way in self._ways:
            if point < way.p:
                grown = min(1.0, progress / way.grow) if way.grow else 1.0
                return way, float(random.beta(way.alpha, way.alpha)) * way.most * grown
            point -= way.p
        return None, 0.0


def _pasted(images: Tensor, other: Tensor, share: float, random: np.random.Generator) -> tuple[Tensor, float]:
    """Images with a window of others, of about that share of the area; the share that it is.

    The window's centre is anywhere in the image, and what lies outside is cut off.
    Source: Yun et al., CutMix, ICCV 2019, section 3.1.
    """
    height, width = images.shape[2:]
    tall, wide = (round(side * sqrt(share)) for side in (height, width))
    top, left = int(random.integers(height)) - tall // 2, int(random.integers(width)) - wide // 2
    rows, columns = slice(max(0, top), max(0, top + tall)), slice(max(0, left), max(0, left + wide))
    images = images.clone()
    images[:, :, rows, columns] = other[:, :, rows, columns]
    area = len(range(height)[rows]) * len(range(width)[columns])
    return images, area / (height * width)


TEACHER = declare(
    "AB744",
    "a teacher with other classes or other images",
    why=(
        "A network learns from the logits of its teacher, one per class, on the same images. Logits for other classes, "
        "another image size or another normalisation would have a different meaning."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report --set data.normalize=false
$ archbuilder train net.yaml --no-report --set "train.distill.run=$(echo runs/*/*)\"""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train net.yaml --no-report --set "train.distill.run=$(echo runs/*/*)\"""",
)


def load_teacher(plan: Plan, distill: Distill, splits: Splits) -> nn.Module:
    """The teacher of a plan, on the CPU, in evaluation mode, for good.

    Raises ArchbuilderError AB744 where it was trained on something else, AB7xx where it cannot be opened.
    """
    run = open_run(teacher_folder(distill))
    if problem := next(_misfits(run, plan, splits), None):
        message, hint = problem
        raise ArchbuilderError(TEACHER.at(distill.span("run"), f"the teacher {run.name} {message}", hint))
    return run.network().requires_grad_(False)


def teacher_folder(distill: Distill) -> Path:
    """The run's folder: beside the file that names it, else from the current folder, as train prints it."""
    beside = Path(distill.span("run").file).parent / distill.run
    return beside if beside.exists() else Path(distill.run)


def _misfits(run: Run, plan: Plan, splits: Splits) -> Iterator[tuple[str, str]]:
    """(message, hint) for whatever makes the teacher's logits mean something else."""
    theirs, card = run.plan, run.card
    if theirs.classes != plan.classes:
        yield (
            f"has {theirs.classes} classes, but the network has {plan.classes}",
            "distil from a run on the same classes",
        )
    elif card.classes != splits.class_names:
        found = f"knows the classes {_listed(card.classes)}, the images are of {_listed(splits.class_names)}"
        yield found, "distil from a run on the same data set"
    if theirs.graph.input != plan.graph.input:
        found = f"takes images of {theirs.graph.input}, the network {plan.graph.input}"
        yield found, "distil from a run on images of the same size"
    for _, side in plan.train.resolution:
        if misfit := at_side(theirs.graph, side)[0]:
            found = f"does not run on images of side {side}: {misfit}"
            yield found, "leave resolution out, or distil from a network that ends in gap"
    if theirs.data.normalize != plan.data.normalize or (card.mean, card.std) != (splits.mean, splits.std):
        found = "was trained on images that were normalised otherwise"
        yield found, "use the same data set, subset: and normalize: for both"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + ("..." if len(names) > 3 else "")
