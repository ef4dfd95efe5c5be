"""One augmentation as tensor code: its draws for all images of an epoch, and what they do to a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archbuilder.data.arrays import TABLE, stream
from archbuilder.spec.augmentations import Augmentation
from archbuilder.spec.ranges import Fill

Uniform = NDArray[np.float64]  # (n, k), from 0 to below 1


@dataclass(frozen=True)
class Canvas:
    """What all images of a data set have in common: their size, their mean level per channel, their device."""

    height: int
    width: int
    mean: tuple[int, ...]
    device: torch.device | str = "cpu"

    @property
    def channels(self) -> int:
        return len(self.mean)

    def levels(self, fill: Fill | None) -> Tensor:
        """uint8 (c,) of a fill: `mean`, one level, or one per channel; 0 where nothing is said."""
        if fill == "mean":
            found: tuple[float, ...] = self.mean
        else:
            found = fill if isinstance(fill, tuple) else (fill or 0.0,) * self.channels
        return torch.tensor([round(level) for level in found], dtype=torch.uint8, device=self.device)


@dataclass(frozen=True)
class Draw:
    """An epoch's draws of one step for n images: `struck` (n,) bool, each of `parameters` (n, ...)."""

    struck: NDArray[np.bool_]
    parameters: tuple[NDArray[Any], ...]


class Step(ABC):
    """What the `augment:` list says in one line, ready to be applied.

    numbers: uniform numbers that an image needs beside the one that decides whether it is struck.
    """

    numbers: int = 0

    def __init__(self, spec: Augmentation, canvas: Canvas) -> None:
        self.probability = spec.p
        self.canvas = canvas

    def draw(self, seed: int, epoch: int, place: int, images: int) -> Draw:
        """The draws of all images; `place` is the step's in its list.  Image i has row i, however many follow."""
        uniform = stream(seed, epoch, TABLE, place).random((images, 1 + self.numbers))
        return Draw(uniform[:, 0] < self.probability, self.parameters(uniform[:, 1:]))

    def parameters(self, uniform: Uniform) -> tuple[NDArray[Any], ...]:
        """Uniform numbers (n, numbers) -> the parameters of `apply`, each (n, ...)."""
        return ()

    @abstractmethod
    def apply(self, pixels: Tensor, *parameters: Tensor) -> Tensor:
        """uint8 (b, h, w, c) -> the same with every image changed by its own row of each parameter.

        No two values of the result share memory: the next step may write to it.
        """


def between(uniform: Uniform, ends: tuple[float, float]) -> Uniform:
    """Uniform over a range."""
    spread: Uniform = ends[0] + (ends[1] - ends[0]) * uniform
    return spread


def whole(uniform: Uniform, least: int | NDArray[np.int64], most: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """Uniform over the whole numbers from `least` to `most`, both included."""
    return (least + np.floor(uniform * (most - least + 1))).astype(np.int64)
