"""`data: {subset: ...}`: some of the training images, of every class its share; all test images stay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.data.arrays import Splits, statistics, subset_by_class
from archbuilder.data.batches import TrainBatches
from archbuilder.data.datasets import load
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import check_text
from archbuilder.spec.data import Data

Section = Callable[..., Data]


@pytest.fixture
def digits(section: Section) -> Callable[..., Splits]:
    """digits("subset: 300") -> the digits as a network of 8x8 takes them."""
    return lambda text, seed=0: load(section(f"dataset: digits\n{text}"), (1, 8, 8), 10, seed=seed)


def as_set(splits: Splits) -> set[bytes]:
    return {image.tobytes() for image in splits.train.images}


@pytest.mark.parametrize(("text", "size"), [("subset: 300", 300), ("subset: 0.5", 721), ("subset: 10", 10)])
def test_every_class_has_its_share_and_all_test_images_stay(digits: Callable[..., Splits], text: str, size: int):
    found, whole = digits(text), digits("")
    counts, all_counts = (np.bincount(each.train.labels, minlength=10) for each in (found, whole))
    assert counts.sum() == len(found.train) == size and found.subset_of == 1442 and whole.subset_of is None
    assert (abs(counts - all_counts * size / 1442) < 1).all()
    assert (found.mean, found.std) == statistics(found.train.images) != (whole.mean, whole.std)
    assert np.array_equal(found.test.images, whole.test.images) and found.digests == whole.digests
    assert as_set(found) < as_set(whole)


def test_the_seed_decides_which_and_a_smaller_one_lies_within_a_larger_one(digits: Callable[..., Splits]):
    assert as_set(digits("subset: 100")) == as_set(digits("subset: 100")) != as_set(digits("subset: 100", seed=1))
    assert as_set(digits("subset: 100")) < as_set(digits("subset: 200"))


def test_validation_is_cut_from_the_subset(digits: Callable[..., Splits]):
    found, alone = digits("subset: 200\nvalidation: 0.25"), digits("subset: 200")
    assert found.validation is not None and (len(found.train), len(found.validation)) == (150, 50)
    together = np.concatenate([found.train.images, found.validation.images])
    assert {image.tobytes() for image in together} == as_set(alone)
    assert found.mean == alone.mean


@pytest.mark.parametrize("engine", ["tensor", "albumentations"])
def test_an_epoch_is_the_subset_whatever_augments(section: Section, engine: str):
    spec = section(f"dataset: digits\nsubset: 50\nbatch_size: 20\nengine: {engine}\nnormalize: false")
    splits = load(spec, (1, 8, 8), 10)
    batches = TrainBatches(splits.train, spec, mean=splits.mean, std=splits.std, seed=0)
    images = np.concatenate([(255 * x).round().numpy().astype(np.uint8) for x, _ in batches.epoch(1)])
    assert batches.sizes == [20, 20, 10]
    assert sorted(image.tobytes() for image in images) == sorted(image.tobytes() for image in splits.train.images)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.floats(0, 1), st.integers(0, 3))
def test_shares_of_any_classes(counts: list[int], share: float, seed: int):
    labels = np.repeat(np.arange(len(counts)), counts)
    size = len(counts) + round(share * (len(labels) - len(counts)))
    taken = np.bincount(labels[subset_by_class(labels, size, seed)])
    exact = size * np.array(counts) / len(labels)
    assert taken.sum() == size and (taken >= 1).all() and (taken <= counts).all()
    assert (exact.min() < 1) | (abs(taken - exact) < 1).all()  # only very rare classes get more than their share


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", "subset: 5 is less than the number of classes, 10; it needs an image of each"),
        ("1443", "subset: 1443; the data set has 1,442 training images of 10 classes"),
        ("0.001", "subset: 0.001 is 1 image; the data set has 1,442 training images of 10 classes"),
    ],
)
def test_a_subset_that_cannot_be_taken(digits: Callable[..., Splits], value: str, message: str):
    with pytest.raises(ArchbuilderError) as caught:
        digits(f"subset: {value}")
    (found,) = caught.value.diagnostics
    assert (found.code.id, found.message, found.span.line) == ("AB640", message, 2)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1.0", "write a number over 0 and under 1"),
        ("0", "write a whole number from 1 to 1,000,000"),
        ("10%", "write 0.1"),
        ("true", "write a whole number or arithmetic over vars"),
    ],
)
def test_what_is_no_subset(section: Section, value: str, hint: str):
    with pytest.raises(ArchbuilderError) as caught:
        section(f"dataset: digits\nsubset: {value}")
    (found,) = caught.value.diagnostics
    assert (found.code.id, found.hint) == ("AB103", hint)


def test_a_check_knows_what_a_subset_is_too_small_for():
    text = "archbuilder: 1\ninput: [1, 8, 8]\nclasses: 10\nnetwork: [gap, classifier]\ndata: {dataset: digits, %s}\n"
    found = [
        check_text(text % fields).diagnostics
        for fields in ("subset: 9", "subset: 100, batch_size: 101", "subset: 100", "subset: 0.01, batch_size: 64")
    ]
    assert [[d.code.id for d in each] for each in found] == [["AB640"], ["AB620"], [], []]
