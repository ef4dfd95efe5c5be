"""What is said of a data set before training: each thing once, and nothing of a good one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archbuilder.data.arrays import Images, Splits
from archbuilder.data.warnings import remarks


@pytest.fixture
def good() -> Splits:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (70, 8, 8, 3), np.uint8)
    labels = np.arange(70) % 5
    train, test = Images(images[:50], labels[:50]), Images(images[50:], labels[50:])
    return Splits(train, test, None, (0.0,) * 3, (1.0,) * 3, tuple("abcde"))


def test_nothing_is_said_of_a_good_one(good: Splits):
    assert list(remarks(good)) == []


def test_how_it_was_read_is_said(good: Splits):
    assert list(remarks(replace(good, notes=("a", "b")))) == ["a", "b"]


def test_classes_that_the_test_asks_for_and_training_never_shows(good: Splits):
    train = Images(good.train.images, good.train.labels % 3)
    (said,) = remarks(replace(good, train=train))
    assert (
        said
        == "2 of 5 classes have no training image: d, e; 8 of 20 test images are of these classes and cannot be right"
    )


def test_classes_that_occur_nowhere(good: Splits):
    (said,) = remarks(replace(good, class_names=(*good.class_names, *map(str, range(9)))))
    assert said.startswith("9 of 14 classes have no training image: 0, 1, 2, 3, 4 and 4 more; is classes: 14 intended")


@pytest.mark.parametrize("level", [0, 255, (3, 200, 7)])
def test_images_of_one_level(good: Splits, level: object):
    images = good.train.images.copy()
    images[[4, 9]] = level
    images[11, 1:-1, 1:-1], images[11, 0], images[11, -1] = 9, 5, 5  # alike at its corners alone
    (said,) = remarks(replace(good, train=Images(images, good.train.labels)))
    assert said.startswith("2 of 50 training images are completely uniform")


def test_test_images_that_are_training_images(good: Splits):
    images = good.test.images.copy()
    images[3], images[5] = good.train.images[7], good.train.images[7]
    (said,) = remarks(replace(good, test=Images(images, good.test.labels)))
    assert said.startswith("2 of 20 test images are also training images")
    (said,) = remarks(replace(good, test=Images(good.train.images, good.train.labels)))
    assert said.startswith("all test images are also training images")
