"""The sample grid shows what training sees: every picture of it is compared with the batches of the run."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from archbuilder.data.arrays import Images, Splits, statistics
from archbuilder.data.batches import TrainBatches
from archbuilder.data.preview import COLUMNS, GAP, LINE, ROWS, sample_grid

AUGMENT = ["horizontal_flip", "shift_scale_rotate", "coarse_dropout: {height: 8, width: 8, fill: mean}"]


def splits(images: np.ndarray, classes: int = 10) -> Splits:
    labels = np.arange(len(images), dtype=np.int64)[::-1] % classes
    names = tuple(f"class {number} of the data set" for number in range(classes))
    return Splits(Images(images, labels), Images(images[:2], labels[:2]), None, *statistics(images), names)


def tiles(png: bytes, height: int, width: int) -> list[list[np.ndarray]]:
    """The pictures of a grid, by row and column."""
    page = np.asarray(Image.open(io.BytesIO(png)))
    tops = range(GAP, page.shape[0] - height, height + LINE + GAP)
    lefts = range(GAP, page.shape[1] - width, width + GAP)
    return [[page[top : top + height, left : left + width] for left in lefts] for top in tops]


@pytest.mark.parametrize("engine", ["albumentations", "tensor"])
def test_every_picture_is_one_that_training_sees(section, photos, engine):
    data = splits(photos.images)
    spec = section(f"dataset: cifar10\nengine: {engine}\nnormalize: false\nbatch_size: 203", *AUGMENT)
    rows = tiles(sample_grid(data, spec, seed=5), 96, 96)
    assert (len(rows), {len(row) for row in rows}) == (ROWS, {COLUMNS})
    originals = {image.tobytes() for image in photos.images}
    batches = TrainBatches(data.train, spec, mean=data.mean, std=data.std, seed=5)
    for column in range(COLUMNS):
        if column:
            ((x, _),) = batches.epoch(column)
            seen = {image.tobytes() for image in (x * 255).round().byte().permute(0, 2, 3, 1).numpy()}
        else:
            seen = originals
        for row in rows:
            enlarged = row[column]
            small = enlarged[::3, ::3]
            assert np.array_equal(enlarged, small.repeat(3, axis=0).repeat(3, axis=1))
            assert small.tobytes() in seen


def test_without_augmentation_other_images_of_the_class(section, photos):
    rows = tiles(sample_grid(splits(photos.images), section("dataset: cifar10"), seed=0), 96, 96)
    order = {image.tobytes(): index for index, image in enumerate(photos.images)}
    for label, row in enumerate(rows):
        indices = [order[np.ascontiguousarray(tile[::3, ::3]).tobytes()] for tile in row]
        assert len(set(indices)) == COLUMNS
        assert {(202 - index) % 10 for index in indices} == {label}


def test_labels_stand_under_the_pictures(section, photos):
    page = np.asarray(Image.open(io.BytesIO(sample_grid(splits(photos.images), section("dataset: cifar10"), 0))))
    for top in range(GAP + 96, page.shape[0] - LINE, 96 + LINE + GAP):
        assert (page[top : top + LINE, GAP : GAP + 96] < 128).any()  # ink
        assert (page[top + LINE + 2 : top + LINE + GAP] == 255).all()
    assert (page[:, :GAP] == 255).all()  # a long name is cut


@pytest.mark.parametrize(
    ("shape", "shown"), [((8, 8, 1), (96, 96)), ((20, 10, 5), (80, 40)), ((400, 300, 3), (134, 100))]
)
def test_other_sizes_and_channels(section, shape, shown):
    images = np.random.default_rng(0).integers(0, 256, (5, *shape), np.uint8)
    spec = section("dataset: cifar10\nengine: tensor", "horizontal_flip")
    rows = tiles(sample_grid(splits(images, classes=2), spec, 0), *shown)
    assert (len(rows), {len(row) for row in rows}) == (2, {COLUMNS})
    assert all(tile.shape == (*shown, 3) for row in rows for tile in row)
