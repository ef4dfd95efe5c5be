"""Augmentation of whole batches by torch alone, on the device of the network.

An epoch begins with one table per augmentation, drawn for all images at once: row i is what happens
to image i.  It depends on (seed, epoch) and nothing else, so a batch may take any rows in any order.
What each augmentation does is what albumentations does with the same parameters, within a grey level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archbuilder.data.tensor.affine import Affine
from archbuilder.data.tensor.colour import Gray, Jitter
from archbuilder.data.tensor.crop import Crop
from archbuilder.data.tensor.dropout import Dropout
from archbuilder.data.tensor.flips import HorizontalFlip, VerticalFlip
from archbuilder.data.tensor.step import Canvas, Draw, Step
from archbuilder.spec import augmentations as spec

_STEPS: dict[type[spec.Augmentation], type[Step]] = {
    spec.HorizontalFlip: HorizontalFlip,
    spec.VerticalFlip: VerticalFlip,
    spec.ToGray: Gray,
    spec.ShiftScaleRotate: Affine,
    spec.CoarseDropout: Dropout,
    spec.RandomCrop: Crop,
    spec.ColorJitter: Jitter,
}


class BatchAugmenter:
    """Applies a list of augmentations to batches of uint8 images (b, h, w, c)."""

    def __init__(self, augmentations: Sequence[spec.Augmentation], canvas: Canvas, seed: int) -> None:
        self.steps = [_STEPS[type(each)](each, canvas) for each in augmentations]
        self.seed = seed

    def draws(self, epoch: int, images: int) -> list[Draw]:
        """What happens to each of so many images in an epoch, step by step."""
        return [step.draw(self.seed, epoch, place, images) for place, step in enumerate(self.steps)]

    def __call__(self, pixels: Tensor, draws: Sequence[Draw], indices: NDArray[np.int64]) -> Tensor:
        """The images `indices` as their draws change them; `pixels` has them, and may be written to."""
        for step, draw in zip(self.steps, draws, strict=True):
            struck = draw.struck[indices]
            members = np.flatnonzero(struck)
            if not len(members):
                continue
            parameters = [torch.from_numpy(rows[indices[members]]).to(pixels.device) for rows in draw.parameters]
            if len(members) == len(indices):
                pixels = step.apply(pixels, *parameters)
            else:
                places = torch.from_numpy(members).to(pixels.device)
                pixels.index_copy_(0, places, step.apply(pixels.index_select(0, places), *parameters))
        return pixels
