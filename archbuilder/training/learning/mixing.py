"""Mixed images: mixup and cutmix on a batch that is normalised and on its device."""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from archbuilder.data.arrays import MIX, stream
from archbuilder.spec.train.objectives import Mixing, Mixup
from archbuilder.spec.train.recipe import Train

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
