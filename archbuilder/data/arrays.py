"""Images and labels as arrays: what every data set becomes before training sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 1000  # images
SHUFFLE, SAMPLE, SPLIT, TABLE, MIX, SUBSET = range(
    6
)  # what a random stream is for: equal keys must not give equal draws


@dataclass(frozen=True)
class Images:
    """`images` uint8 (n, h, w, c) and `labels` int64 (n,); the arrays may be memory-mapped files."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Splits:
    """What a network is trained and tested on.

    `mean` and `std` are those of the whole training part of the data set, or of the subset that is used of it, per
    channel, in 0..255; `validation` is cut out of `train`, None where none was asked for.
    `digests` are SHA-256 of the images and the labels of each part before any cut (x_train, y_train, ...).
    `subset_of` is how many training images the data set has where a subset of them is used, else None.
    """

    train: Images
    test: Images
    validation: Images | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()  # remarks on how they were read, in sentences
    digests: Mapping[str, str] = field(default_factory=dict)
    subset_of: int | None = None


def sha256(array: NDArray[Any]) -> str:
    """Checksum of an array's values in C order, whatever file they come from."""
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()


def statistics(images: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and population standard deviation of each channel of (n, h, w, c), in 0..255.

    Exact, from counts of the 256 levels, with no more than a few images in memory at a time.  A
    channel without any contrast gets a deviation of 1, so that it can be divided by.
    """
    levels = np.arange(256, dtype=np.float64)
    counts = np.zeros((images.shape[-1], 256))
    for start in range(0, len(images), AT_ONCE):
        for channel, count in enumerate(counts):
            count += np.bincount(images[start : start + AT_ONCE, ..., channel].ravel(), minlength=256)
    mean, std = [], []
    for share in counts / counts.sum(axis=1, keepdims=True):
        centre = float(share @ levels)
        mean.append(centre)
        std.append(float(np.sqrt(share @ (levels - centre) ** 2)) or 1.0)
    return tuple(mean), tuple(std)


def cut_by_class(labels: Iterable[int] | NDArray[np.int64], fraction: float, seed: int) -> NDArray[np.int64]:
    """Sorted indices of a random share of every class, the same for the same seed."""
    labels = np.asarray(labels)
    random = stream(seed, 0, SPLIT)
    chosen = []
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        chosen.append(members[: round(fraction * len(members))])
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)


def subset_by_class(labels: Iterable[int] | NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Sorted indices of `size` images, of every class its share and one at least; the same for the same seed.

    What the shares leave over goes to the classes that lost most by rounding.  Of a class a smaller subset has none
    that a larger one of that seed has not.  Raises ValueError where there are more classes than that, or fewer images.
    """
    labels = np.asarray(labels)
    classes, counts = np.unique(labels, return_counts=True)
    if not len(classes) <= size <= len(labels):
        raise ValueError(f"{size} of {len(labels)} images of {len(classes)} classes")
    shares = size * counts / len(labels)
    taken = np.maximum(1, shares.astype(np.int64))
    while taken.sum() > size:  # very rare classes were given one
        taken[np.argmax(np.where(taken > 1, taken - shares, -np.inf))] -= 1
    while taken.sum() < size:
        taken[np.argmax(shares - taken)] += 1
    random = stream(seed, 0, SUBSET)
    chosen = [random.permutation(np.flatnonzero(labels == c))[:n] for c, n in zip(classes, taken, strict=True)]
    return np.sort(np.concatenate(chosen))


def stream(seed: int, epoch: int, purpose: int, index: int = 0) -> np.random.Generator:
    """Random numbers that depend on these four numbers alone.

    Philox is a keyed counter: a stream is a place in it, so no two streams overlap and none
    needs to be drawn for another to be reached.  Source: Salmon et al., SC 2011.
    """
    return np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, index, purpose, 0]))
