"""The images that a network is surest of and wrong about, with the places that its answer rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from archbuilder.analysis.facts import Facts
from archbuilder.data.arrays import Images
from archbuilder.data.batches import Normaliser
from archbuilder.data.pixels import Pixels, to_rgb
from archbuilder.evidence.gradcam import grad_cam
from archbuilder.evidence.pixels import enlarged, overlay, sheet
from archbuilder.spec.data import Data
from archbuilder.trained.evaluation import Predictions

COUNT = 24
PER_ROW = 6  # mistakes in a row of the sheet
SIDE = 96  # pixels of a picture in the sheet, at least


@dataclass(frozen=True)
class Mistake:
    """One image: its index in the split, what it is and what it was taken for (class numbers), how surely (0..1).

    `heat` is the image under its Grad-CAM for the predicted class, None where the network has no map.
    """

    index: int
    truth: int
    predicted: int
    sureness: float
    image: Pixels
    heat: Pixels | None


def gallery(
    module: nn.Module,
    facts: Facts,
    images: Images,
    found: Predictions,
    data: Data,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
    count: int = COUNT,
) -> tuple[Mistake, ...]:
    """The most confident mistakes among predictions for all of `images`, the surest first."""
    chosen = found.mistakes(count)
    if not chosen:
        return ()
    raw = np.asarray(images.images[chosen])
    batch = Normaliser(mean, std, data, device=device)(torch.from_numpy(raw))
    classes = torch.from_numpy(found.predicted[chosen]).to(device)
    heat = grad_cam(module, facts.graph, facts.value, batch, classes)
    mistakes = []
    for place, index in enumerate(chosen):
        image, predicted = to_rgb(raw[place]), int(found.predicted[index])
        under = None if heat is None else overlay(image, heat[place])
        sureness = float(found.sureness[index])
        mistakes.append(Mistake(index, int(found.labels[index]), predicted, sureness, image, under))
    return tuple(mistakes)


def as_sheet(mistakes: Sequence[Mistake]) -> Pixels:
    """All of them in one picture, in reading order: each image with its heat under it, white rows between."""
    rows: list[list[Pixels]] = []
    for start in range(0, len(mistakes), PER_ROW):
        part = mistakes[start : start + PER_ROW]
        rows.append([enlarged(mistake.image, SIDE) for mistake in part])
        if part[0].heat is not None:
            rows.append([enlarged(mistake.heat, SIDE) for mistake in part if mistake.heat is not None])
    return sheet(rows)
