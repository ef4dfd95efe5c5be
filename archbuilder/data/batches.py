"""Batches of tensors for training and evaluation.

Everything random depends on (seed, epoch) and the image's index: a run that is resumed at
epoch k, or that uses another number of worker processes, sees the very same batches.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from archbuilder.data.arrays import SHUFFLE, Images, stream
from archbuilder.data.augment import Augmenter
from archbuilder.spec.data import Data

Batch = tuple[Tensor, Tensor]


def batch_count(images: int, batch_size: int) -> int:
    """How many batches `train_batches` makes of so many images."""
    return sum(1 for _ in _ranges(images, batch_size, drop_single=True))


def train_batches(
    images: Images,
    spec: Data,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    seed: int,
    epoch: int,
    first: int = 0,
    channels_last: bool = True,
    device: torch.device | str | None = None,
) -> Iterator[Batch]:
    """One epoch: images float32 (b, c, h, w), augmented, shuffled and normalised, and labels int64 (b,).

    mean, std: of the data set, per channel in 0..255 (`Splits.mean`, `Splits.std`).
    epoch:     any count that differs from epoch to epoch.
    first:     the batch to begin with, where an epoch goes on in its middle; it costs nothing to leave some out.
    device:    where the tensors are made float, so that only bytes travel there.

    The last batch is smaller where the images do not divide; one of a single image is left out,
    because batch normalisation cannot learn from it.
    """
    order = stream(seed, epoch, SHUFFLE).permutation(len(images))
    chunks = [order[part] for part in _ranges(len(images), spec.batch_size, drop_single=True)][first:]
    source = _Source(images, Augmenter(spec.augment, mean, seed), epoch)
    normalise = Normaliser(mean, std, spec, channels_last, device)
    raw = _loader(source, chunks, spec.workers) if spec.workers else map(source.__getitem__, chunks)
    for pixels, labels in raw:
        yield normalise(pixels), labels.to(device or "cpu", non_blocking=True)


def eval_batches(
    images: Images,
    spec: Data,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    batch_size: int | None = None,
    channels_last: bool = True,
    device: torch.device | str | None = None,
) -> Iterator[Batch]:
    """Every image once, in order, as it is: float32 (b, c, h, w) normalised as in training, and int64 (b,)."""
    normalise = Normaliser(mean, std, spec, channels_last, device)
    for part in _ranges(len(images), batch_size or spec.batch_size, drop_single=False):
        labels = torch.from_numpy(np.array(images.labels[part]))  # a copy: torch warns of read-only memory
        yield normalise(torch.from_numpy(np.array(images.images[part]))), labels.to(device or "cpu", non_blocking=True)


def _ranges(length: int, batch_size: int, drop_single: bool) -> Iterator[slice]:
    for start in range(0, length, batch_size):
        stop = min(start + batch_size, length)
        if not (drop_single and stop - start == 1 < batch_size):
            yield slice(start, stop)


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
        self.shift = torch.tensor(shift, dtype=torch.float32, device=self.device).view(-1, 1, 1)
        self.factor = 1.0 / torch.tensor(scale, dtype=torch.float32, device=self.device).view(-1, 1, 1)

    def __call__(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        return pixels.to(torch.float32, memory_format=self.format).sub_(self.shift).mul_(self.factor)


class _Source(Dataset[Batch]):
    """Chunks of indices -> augmented uint8 images (b, h, w, c) and their labels (b,)."""

    def __init__(self, images: Images, augmenter: Augmenter, epoch: int) -> None:
        self.images = images
        self.augmenter = augmenter
        self.epoch = epoch

    def __getitem__(self, indices: NDArray[np.int64]) -> Batch:
        pixels = np.asarray(self.images.images[indices])  # indexing by an array copies
        if self.augmenter.augmentations:
            for place, index in enumerate(indices.tolist()):
                pixels[place] = self.augmenter(pixels[place], self.epoch, index)
        return torch.from_numpy(pixels), torch.from_numpy(np.asarray(self.images.labels[indices]))


def _loader(source: _Source, chunks: list[NDArray[np.int64]], workers: int) -> Iterable[Batch]:
    """The same batches in the same order, made by worker processes ahead of their use."""
    sampler: Any = chunks  # torch's types expect one index at a time
    count = min(workers, len(chunks))
    return DataLoader(
        source,
        batch_size=None,
        sampler=sampler,
        num_workers=count,
        worker_init_fn=_start_worker,
        generator=torch.Generator(),  # else it draws from the stream that dropout uses
    )


def _start_worker(number: int) -> None:
    import cv2

    cv2.setNumThreads(0)  # the workers are the parallelism
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to answer
