"""A picture of what a network is shown: a few training images, and beside each what the first epochs make of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import Splits
from archbuilder.data.batches import source_of
from archbuilder.data.pixels import Pixels, png, to_rgb
from archbuilder.spec.data import Data

ROWS, COLUMNS = 6, 8
SIDE = 96  # pixels of the longer side of a picture: small images are enlarged by a whole number
GAP, LINE, FONT = 10, 18, 13  # between pictures, of a label, of its letters
LETTERS = 16  # of a class name that has a picture's width
INK, PAPER = (60, 60, 60), (255, 255, 255)


def sample_grid(splits: Splits, spec: Data, seed: int) -> bytes:
    """A PNG: a row for each of a few classes, the original first, then as it comes in epoch 1, 2, 3 ...

    They are the very pictures that a run with this seed trains on, before normalisation.  Without
    augmentation a row has other images of the class.
    """
    tiles = _augmented(splits, spec, seed) if spec.augment else _plain(splits)
    return _drawn([[(_sized(to_rgb(image)), label) for image, label in row] for row in tiles])


def _augmented(splits: Splits, spec: Data, seed: int) -> list[list[tuple[Pixels, str]]]:
    indices = np.array([members[0] for members in _classes(splits)])
    source = source_of(splits.train, spec.model_copy(update={"workers": 0}), splits.mean, seed, "cpu")
    originals = [(splits.train.images[index], _name(splits, index)) for index in indices]
    rows = [[original] for original in originals]
    for epoch in range(1, COLUMNS):
        ((pixels, _),) = source.batches(epoch, [indices])
        for row, image in zip(rows, pixels.numpy(), strict=True):
            row.append((image, f"epoch {epoch}"))
    return rows


def _plain(splits: Splits) -> list[list[tuple[Pixels, str]]]:
    images = splits.train.images
    return [[(images[index], _name(splits, index)) for index in members[:COLUMNS]] for members in _classes(splits)]


def _classes(splits: Splits) -> list[NDArray[np.int64]]:
    """Indices of the training images of the first classes that have any."""
    labels = np.asarray(splits.train.labels)
    return [np.flatnonzero(labels == label) for label in np.unique(labels)[:ROWS]]


def _name(splits: Splits, index: int) -> str:
    name = splits.class_names[splits.train.labels[index]]
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 3]}..."


def _sized(image: Pixels) -> Pixels:
    """(h, w, c) at the size of a picture."""
    times, step = max(1, SIDE // max(image.shape[:2])), -(-max(image.shape[:2]) // (2 * SIDE))
    return image.repeat(times, axis=0).repeat(times, axis=1)[::step, ::step]


def _drawn(rows: Sequence[Sequence[tuple[Pixels, str]]]) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    height, width, _ = rows[0][0][0].shape
    size = (max(map(len, rows)) * (width + GAP) + GAP, len(rows) * (height + LINE + GAP) + GAP)
    page = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(FONT)
    for number, row in enumerate(rows):
        for column, (image, label) in enumerate(row):
            left, top = GAP + column * (width + GAP), GAP + number * (height + LINE + GAP)
            page.paste(Image.fromarray(np.ascontiguousarray(image)), (left, top))
            pen.text((left + width / 2, top + height + LINE / 2 + 1), label, INK, font, anchor="mm")
    return png(np.asarray(page))
