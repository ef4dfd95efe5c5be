"""A trained network's way into int8: the ranges that its maps take on training images, and its integers as a module.

`archbuilder quantize` and a training that learns to round both go it, so that they come to the same integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archbuilder.data.arrays import Images
from archbuilder.data.batches import eval_batches
from archbuilder.device.program import Program
from archbuilder.diagnostics import Diagnostic
from archbuilder.quantized import floats, integers
from archbuilder.quantized.int8_file import program_for
from archbuilder.quantized.scales import Quantized, Ranges, doubts, narrowed, observe, quantize
from archbuilder.spec.data import Data
from archbuilder.trained.open import LAST, Trained

IMAGES = 512  # of the calibration, unless said
BATCH = 64


@dataclass(frozen=True)
class Calibrated:
    """A program's constants in float, the range of each map, and warnings of what the images have shown."""

    program: Program
    constants: floats.Constants
    ranges: Ranges
    doubts: tuple[Diagnostic, ...]

    @property
    def model(self) -> Quantized:
        return quantize(self.program, self.constants, self.ranges)


def spread(length: int, count: int) -> NDArray[np.int64]:
    """The places of so many of `length` images, or of all, at equal distances."""
    return np.asarray(np.linspace(0, length - 1, min(count, length)).round(), np.int64)


def some(
    images: Images, data: Data, mean: Sequence[float], std: Sequence[float], count: int = IMAGES
) -> tuple[Tensor, ...]:
    """So many images (n, c, h, w), or as many as there are, normalised, in batches, from all over the array: a folder's
    are sorted by class."""
    places = spread(len(images), count)
    chosen = Images(images.images[places], images.labels[places])
    return tuple(x for x, _ in eval_batches(chosen, data, mean=mean, std=std, batch_size=BATCH))


@torch.no_grad()
def calibrated(program: Program, module: nn.Module, batches: Sequence[Tensor]) -> Calibrated:
    """What a module's maps take on batches of normalised images; reckoned on the CPU, wherever the module is.

    Raises ArchbuilderError AB882 of values that are no numbers."""
    found = floats.constants(program, deepcopy(module).cpu())
    # contiguous: sums are then taken in one order, whatever the layout of the weights
    constants = {name: tensor.detach().contiguous() for name, tensor in found.items()}
    ranges = observe(program, constants, batches)
    warnings = doubts(program, ranges)
    return Calibrated(program, constants, narrowed(program, constants, batches, ranges), tuple(warnings))


def result(trained: Trained, which: str = LAST) -> nn.Module:
    """The network whose accuracy a run's log tells, on the CPU: in int8 where it has learnt to round.

    Raises what `Trained.network` and `calibrated` raise."""
    module = trained.network(which)
    if not trained.plan.train.quantize:
        return module
    card, program = trained.card, program_for(trained.plan.graph, "int8")
    images = some(trained.splits.train, trained.plan.data, card.mean, card.std)
    return Integers(calibrated(program, module, images).model)


class Integers(nn.Module):
    """A network in int8 as a module: normalised images (n, c, h, w) -> logits (n, classes), in float.

    It computes on the CPU, wherever the images are."""

    def __init__(self, model: Quantized) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        scale = self.model.scales[self.model.program.output]
        return scale.values(integers.run(self.model, images.cpu()).float()).to(images.device)
