"""The 1,797 handwritten digits of 8x8 that come with the package; digits.md has their source and licence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import Images, Splits, sha256, statistics
from archbuilder.data.pixels import resize

FILE = Path(__file__).with_name("digits.npz")
NAME = "digits"
LEVELS = 16  # ink of a pixel runs from 0 to 16
TEST_SHARE = 0.2


def load(shape: tuple[int, int, int]) -> Splits:
    """1,442 training and 355 test images of a shape (channels, height, width); every channel is the same.

    The split is fixed: of each class the last 20 % in the file's order, rounded down, are the test images.
    """
    channels, height, width = shape
    with np.load(FILE, allow_pickle=False) as file:
        ink, labels = file["images"], file["labels"].astype(np.int64)
    grey = resize(ink * (255.0 / LEVELS), height, width)
    images = np.repeat(np.rint(grey).clip(0, 255).astype(np.uint8)[..., None], channels, axis=3)
    test = _last_of_each_class(labels)
    train = Images(images[~test], labels[~test])
    names = tuple(map(str, range(10)))
    digests = {"x_train": sha256(ink), "y_train": sha256(labels)}  # as the file has them
    return Splits(train, Images(images[test], labels[test]), None, *statistics(train.images), names, digests=digests)


def _last_of_each_class(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen[members[len(members) - int(TEST_SHARE * len(members)) :]] = True
    return chosen
