"""Batches of tensors for training and evaluation.

Everything random depends on (seed, epoch) and the image's index: a run that is resumed at
epoch k, or that uses another number of processes, sees the very same batches; only a last one
that would be too small for so many processes is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archbuilder.data.arrays import SHUFFLE, Images, stream
from archbuilder.data.augment import Augmenter
from archbuilder.data.augmented_batches import PerBatch, PerImage, Source, Workers
from archbuilder.data.tensor import BatchAugmenter
from archbuilder.data.tensor.step import Canvas
from archbuilder.spec.data import Data

Batch = tuple[Tensor, Tensor]
Shard = tuple[int, int]  # (rank, world): which process of how many


def batch_sizes(images: int, batch_size: int, world: int = 1) -> list[int]:
    """The sizes of the batches of one epoch, counted over all processes.

    The last one is smaller where the images do not divide.  It is left out where a process would
    get less than two of its images, because batch normalisation cannot learn from one.
    """
    rest = images % batch_size
    left_out = rest < min(batch_size, 2 * world)
    return [batch_size] * (images // batch_size) + ([] if left_out else [rest])


def batch_count(images: int, batch_size: int, world: int = 1) -> int:
    """How many batches an epoch of so many images has."""
    return len(batch_sizes(images, batch_size, world))


class TrainBatches:
    """The training images of a run, epoch after epoch.

    mean, std: of the data set, per channel in 0..255 (`Splits.mean`, `Splits.std`).
    device:    where the tensors are made float (and augmented, by the engine `tensor`): only bytes travel there.
    shard:     (rank, world) gives this process its part of every batch, whose size counts over all of them.

    What takes long to start (importing albumentations, moving the images to the device) is done here,
    not in the first epoch.  Raises ArchbuilderError AB612 where albumentations is needed and not installed.
    """

    def __init__(
        self,
        images: Images,
        spec: Data,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        seed: int,
        channels_last: bool = True,
        device: torch.device | str | None = None,
        shard: Shard = (0, 1),
    ) -> None:
        self.seed, self.device, self.shard = seed, device or "cpu", shard
        self.length = len(images)
        self.sizes = batch_sizes(self.length, spec.batch_size, shard[1])
        self._normalise = Normaliser(mean, std, spec, channels_last, device)
        self._source = source_of(images, spec, mean, seed, self.device)

    def __len__(self) -> int:
        """Batches of one epoch."""
        return len(self.sizes)

    def close(self) -> None:
        """End the worker processes, where there are any."""
        self._source.close()

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Images float32 (b, c, h, w), augmented, shuffled and normalised, and labels int64 (b,), on the device.

        number: any count that differs from epoch to epoch.
        first:  the batch to begin with, where an epoch goes on in its middle: leaving some out costs nothing.
        """
        order = stream(self.seed, number, SHUFFLE).permutation(self.length)
        ends = np.cumsum([0, *self.sizes])
        chunks = [_part(order[start:stop], self.shard) for start, stop in pairwise(ends)]
        for pixels, labels in self._source.batches(number, chunks[first:]):
            yield self._normalise(pixels), labels.to(self.device, non_blocking=True)


def source_of(
    images: Images, spec: Data, mean: Sequence[float], seed: int, device: torch.device | str = "cpu"
) -> Source:
    """What augments the images as a `data:` section says."""
    if spec.engine == "tensor":
        _, height, width, _ = images.images.shape
        canvas = Canvas(height, width, tuple(round(level) for level in mean), device)
        return PerBatch(images, BatchAugmenter(spec.augment, canvas, seed), device)
    source = PerImage(images, Augmenter(spec.augment, mean, seed))
    return Workers(source, spec.workers) if spec.workers else source


def eval_batches(
    images: Images,
    spec: Data,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    batch_size: int | None = None,
    channels_last: bool = True,
    device: torch.device | str | None = None,
    shard: Shard = (0, 1),
) -> Iterator[Batch]:
    """Every image once, in order, as it is: float32 (b, c, h, w) normalised as in training, and int64 (b,).

    shard: (rank, world) gives this process its part; together they have every image once.
    """
    normalise = Normaliser(mean, std, spec, channels_last, device)
    mine = _part(np.arange(len(images)), shard)
    size = batch_size or spec.batch_size
    for start in range(0, len(mine), size):
        part = slice(mine[start], mine[start : start + size][-1] + 1)
        labels = torch.from_numpy(np.array(images.labels[part]))  # a copy: torch warns of read-only memory
        yield normalise(torch.from_numpy(np.array(images.images[part]))), labels.to(device or "cpu", non_blocking=True)


def _part(indices: NDArray[np.int64], shard: Shard) -> NDArray[np.int64]:
    """One process' part of the indices; the parts differ by one image at most."""
    rank, world = shard
    return np.array_split(indices, world)[rank]


class Normaliser:
    """uint8 (b, h, w, c) -> float32 (b, c, h, w) on a device, as one batched operation."""

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        spec: Data,
        channels_last: bool = True,
        device: torch.device | str | None = None,
    ) -> None:
        self.device = device or "cpu"
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        shift, scale = (mean, std) if spec.normalize else ([0.0] * len(mean), [255.0] * len(std))
        self.shift = torch.tensor(shift, dtype=torch.float32, device=self.device)
        self.factor = 1.0 / torch.tensor(scale, dtype=torch.float32, device=self.device)

    def __call__(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, non_blocking=True)
        batch, height, width, channels = pixels.shape
        # whole lines at a time: it is slower over runs of three channels
        lines = pixels.reshape(batch, height, -1).to(torch.float32)
        lines.sub_(self.shift.repeat(width)).mul_(self.factor.repeat(width))
        images = lines.view(batch, height, width, channels).permute(0, 3, 1, 2)
        return images.contiguous(memory_format=self.format)
