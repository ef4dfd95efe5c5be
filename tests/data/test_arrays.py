"""Statistics, random streams, splits and resizing, each against another way to get it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from archbuilder.data.arrays import SAMPLE, SHUFFLE, cut_by_class, statistics, stream
from archbuilder.data.pixels import resize


def test_statistics_match_numpy(photos):
    mean, std = statistics(photos.images)
    assert mean == pytest.approx(photos.images.mean((0, 1, 2)))
    assert std == pytest.approx(photos.images.std((0, 1, 2)))


def test_a_flat_channel_can_be_divided_by():
    assert statistics(np.full((4, 2, 2, 1), 9, np.uint8)) == ((9.0,), (1.0,))


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5), fraction=st.floats(0, 1), seed=st.integers(0, 2**32 - 1)
)
def test_the_same_share_of_every_class(sizes, fraction, seed):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    chosen = cut_by_class(labels, fraction, seed)
    assert np.array_equal(chosen, np.unique(chosen))
    assert np.bincount(labels[chosen], minlength=len(sizes)).tolist() == [round(fraction * size) for size in sizes]
    assert np.array_equal(chosen, cut_by_class(labels, fraction, seed))


def test_another_seed_chooses_others():
    labels = np.zeros(100, np.int64)
    assert not np.array_equal(cut_by_class(labels, 0.3, 0), cut_by_class(labels, 0.3, 1))


def test_streams_differ_in_every_coordinate():
    places = [(0, 0, SHUFFLE, 0), (1, 0, SHUFFLE, 0), (0, 1, SHUFFLE, 0), (0, 0, SAMPLE, 0), (0, 0, SHUFFLE, 1)]
    places += [(2**32 - 1, 10_000, SAMPLE, 2**31)]
    draws = [tuple(stream(*place).integers(0, 2**63, 4)) for place in places]
    assert len(set(draws)) == len(places)
    assert draws == [tuple(stream(*place).integers(0, 2**63, 4)) for place in places]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 24), st.integers(1, 24))
def test_resize_matches_pillow(height, width, new_height, new_width):
    image = np.random.default_rng(height * width).uniform(0, 16, (height, width)).astype(np.float32)
    expected = np.asarray(Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BICUBIC))
    assert resize(image[None].astype(np.float64), new_height, new_width)[0] == pytest.approx(expected, abs=1e-4)
