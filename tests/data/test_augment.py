"""Each augmentation does what its section says, measured on images that show what was done to them."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from archbuilder.data.augment import Augmenter, Draws
from archbuilder.data.augment_calls import _CALLS
from archbuilder.spec.augmentations import AUGMENTATIONS

MEAN = (125.3, 122.95, 113.9)
SIDE = 32
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def ramp(height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Red grows by 4 per column, green by 4 per row, blue is 200: a pixel's colour is its place."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([60 + 4 * columns, 60 + 4 * rows, np.full_like(rows, 200)], axis=-1).astype(np.uint8)


@pytest.fixture
def augment(section):
    """augment(count, lines..., image=...) -> the image as `count` images of one epoch would come out."""

    def apply(count, *lines, image=None, mean=MEAN, epoch=0):
        augmenter = Augmenter(section("dataset: digits", *lines).augment, mean, seed=3)
        image = ramp() if image is None else image
        before = image.copy()
        results = [augmenter(image, epoch, index) for index in range(count)]
        assert all(result.shape == image.shape and result.dtype == np.uint8 for result in results)
        assert np.array_equal(image, before)
        return results

    return apply


def test_every_augmentation_of_the_language_has_its_step():
    assert {AUGMENTATIONS.find(name) for name in AUGMENTATIONS.names()} == set(_CALLS)


def test_flips(augment):
    assert all(np.array_equal(x, ramp()[:, ::-1]) for x in augment(5, "horizontal_flip: 1"))
    assert all(np.array_equal(x, ramp()[::-1]) for x in augment(5, "vertical_flip: 1"))
    assert all(np.array_equal(x, ramp()) for x in augment(5, "horizontal_flip: 0"))


SPELLINGS = [
    "{holes: 1, height: 16, width: 16, fill: mean, p: 1}",
    "{max_holes: 1, min_holes: 1, max_height: 16, min_height: 16, max_width: 16, min_width: 16, "
    "fill_value: mean, p: 1}",
    "{max_holes: 1, max_height: 16, max_width: 16, fill_value: mean, mask_fill_value: null, p: 1}",
]


@pytest.mark.parametrize("words", SPELLINGS)
def test_coarse_dropout_paints_one_hole_of_16x16_with_the_mean(augment, words):
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    places = set()
    for result in augment(300, f"coarse_dropout: {words}", image=image):
        hole = (result != 0).any(axis=-1)
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert hole.sum() == 16 * 16 == len(rows) * len(columns)
        assert (np.ptp(rows), np.ptp(columns)) == (15, 15)
        assert (result[hole] == [125, 123, 114]).all()  # rounded, not cut off
        places.add((rows[0], columns[0]))
    assert {row for row, _ in places} == {column for _, column in places} == set(range(17))


def test_coarse_dropout_within_its_ranges(augment):
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    for result in augment(
        60, "coarse_dropout: {holes: 1, height: [2, 5], width: 7, fill: [9, 8, 7], p: 1}", image=image
    ):
        hole = (result != 0).any(axis=-1)
        assert hole.any(axis=0).sum() == 7
        assert 2 <= hole.any(axis=1).sum() <= 5
        assert (result[hole] == [9, 8, 7]).all()
    several = augment(60, "coarse_dropout: {holes: [2, 3], height: 1, width: 1, fill: 255, p: 1}", image=image)
    assert {int((x != 0).any(axis=-1).sum()) for x in several} >= {2, 3}
    assert max(int((x != 0).any(axis=-1).sum()) for x in several) == 3


def placed(result: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(linear part 2x2, shift of the centre (x, y)) of an affine change, read off the ramp's middle."""
    middle = slice(SIDE // 2 - 5, SIDE // 2 + 5)
    x = (COLUMNS[middle, middle] - (SIDE - 1) / 2).ravel()
    y = (ROWS[middle, middle] - (SIDE - 1) / 2).ravel()
    source = (result[middle, middle, :2].reshape(-1, 2).astype(float) - 60) / 4 - (SIDE - 1) / 2
    fit, *_ = np.linalg.lstsq(np.stack([x, y, np.ones_like(x)], axis=1), source, rcond=None)
    return fit[:2].T, -fit[2]


def test_shift_reaches_its_limit_and_each_axis_draws_its_own(augment):
    results = augment(400, "shift_scale_rotate: {shift: 0.0625, scale: 0, rotate: 0, p: 1}")
    shifts = np.array([placed(result)[1] for result in results])
    assert np.abs(shifts).max(axis=0) == pytest.approx([2, 2], abs=0.1)  # 0.0625 of 32 pixels
    assert shifts.std(axis=0) == pytest.approx([2 / 3**0.5] * 2, rel=0.1)  # uniform, not whole pixels
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.15


def test_scale_is_one_zoom_for_both_axes(augment):
    results = augment(200, "shift_scale_rotate: {shift: 0, scale: 0.1, rotate: 0, p: 1}")
    zooms = np.array([1 / np.diag(placed(result)[0]) for result in results])
    assert zooms[:, 0] == pytest.approx(zooms[:, 1], abs=0.02)
    assert (zooms.min(), zooms.max()) == pytest.approx((0.9, 1.1), abs=0.02)


def test_rotate_is_in_degrees_about_the_centre(augment):
    results = augment(200, "shift_scale_rotate: {shift: 0, scale: 0, rotate: 15, p: 1}")
    fits = [placed(result) for result in results]
    angles = np.array([np.degrees(np.arctan2(linear[1, 0], linear[0, 0])) for linear, _ in fits])
    assert (angles.min(), angles.max()) == pytest.approx((-15, 15), abs=0.7)
    assert max(np.abs(shift).max() for _, shift in fits) < 0.1


def test_the_border_reflects_unless_a_fill_is_named(augment):
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    assert all((x == 255).all() for x in augment(20, "shift_scale_rotate: {rotate: 40, p: 1}", image=white))
    turned = augment(20, "shift_scale_rotate: {shift: 0, scale: 0, rotate: [40, 45], fill: mean, p: 1}", image=white)
    assert all((x[0, 0] == [125, 123, 114]).all() for x in turned)


def test_random_crop_moves_by_whole_pixels_and_pads(augment):
    shifts = set()
    for result in augment(400, "random_crop: {padding: [2, 3], fill: 7}"):
        inside = result[..., 2] == 200
        row, column = np.argwhere(inside)[0]
        down = row - result[row, column, 1] // 4 + 15
        right = column - result[row, column, 0] // 4 + 15
        shifts.add((down, right))
        assert (result[~inside] == 7).all()
        assert inside.sum() == (SIDE - abs(down)) * (SIDE - abs(right))
    assert shifts == {(down, right) for down in range(-2, 3) for right in range(-3, 4)}


def test_random_crop_can_reflect(augment):
    for result in augment(20, "random_crop: {padding: 4, mode: reflect}"):
        assert (result[..., 2] == 200).all()


def test_to_gray(augment):
    for name in ("to_gray", "grayscale"):
        (result,) = augment(1, f"{name}: 1")
        luminance = ramp() @ np.array([0.299, 0.587, 0.114])
        assert np.abs(result - luminance[..., None]).max() <= 1


def test_color_jitter(augment):
    factors = [x[..., 2] / 200 for x in augment(200, "color_jitter: {brightness: 0.2, p: 1}")]
    assert max(np.ptp(factor) for factor in factors) == 0
    assert (min(map(np.min, factors)), max(map(np.max, factors))) == pytest.approx((0.8, 1.2), abs=0.02)
    (drained,) = augment(1, "color_jitter: {saturation: [0, 0], p: 1}")
    assert np.ptp(drained.astype(int), axis=-1).max() <= 1
    turned = augment(20, "color_jitter: {hue: [0.3, 0.4], p: 1}")
    assert all(np.abs(x.astype(int) - ramp()).max() > 50 for x in turned)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_images_of_other_channel_counts(augment, channels):
    image = np.random.default_rng(0).integers(0, 256, (12, 20, channels), np.uint8)
    border = "mean" if channels <= 4 else "7"
    lines = [f"shift_scale_rotate: {{fill: {border}}}", "coarse_dropout: {height: 3, width: 4, fill: mean}"]
    augment(30, "horizontal_flip", *lines, "random_crop", image=image, mean=tuple(range(channels)))


def test_the_steps_draw_independently_and_as_often_as_they_say(augment):
    """With one seed per step instead of one stream, an image is flipped exactly when it is also dropped out."""
    lines = ["horizontal_flip: 0.5", "vertical_flip: 0.5", "coarse_dropout: {height: 3, width: 3, fill: 0, p: 0.25}"]
    results = augment(2000, *lines)
    left_right = np.array([x[5, -1, 0] < x[5, 0, 0] for x in results])
    up_down = np.array([x[-1, 5, 1] < x[0, 5, 1] for x in results])
    dropped = np.array([(x[..., 2] == 0).any() for x in results])
    rates = [left_right.mean(), up_down.mean(), dropped.mean()]
    assert rates == pytest.approx([0.5, 0.5, 0.25], abs=0.04)
    correlations = np.corrcoef([left_right, up_down, dropped])[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 0.08


PIPELINE = [
    "horizontal_flip",
    "shift_scale_rotate: {shift: 0.0625, scale: 0.1, rotate: 15}",
    "color_jitter: {brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.1}",
    "coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean}",
]


def test_draws_depend_on_seed_epoch_and_index_alone(section):
    steps = section("dataset: cifar10", *PIPELINE).augment
    one, other = Augmenter(steps, MEAN, seed=3), Augmenter(steps, MEAN, seed=3)
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    forwards = {index: one(image, 2, index) for index in range(40)}
    backwards = {index: other(image, 2, index) for index in reversed(range(40))}
    assert all(np.array_equal(forwards[index], backwards[index]) for index in forwards)
    for changed in (Augmenter(steps, MEAN, seed=4), one):
        epoch = 2 if changed is not one else 3
        same = [np.array_equal(changed(image, epoch, index), forwards[index]) for index in forwards]
        assert sum(same) < 8  # one in sixteen is left as it is in both


def test_a_pickled_augmenter_draws_the_same(section):
    augmenter = Augmenter(section("dataset: cifar10", *PIPELINE).augment, MEAN, seed=3)
    expected = augmenter(ramp(), 1, 5)
    copy = pickle.loads(pickle.dumps(augmenter))
    assert np.array_equal(copy(ramp(), 1, 5), expected)


def test_python_and_numpy_draws_come_from_one_stream():
    draws = Draws()
    draws.seek(1, 2, 3)
    first = [draws.random(), float(draws.generator.random()), draws.randint(0, 9), draws.uniform(-1, 1)]
    draws.seek(1, 2, 3)
    assert [float(draws.generator.random()), draws.random(), draws.randint(0, 9), draws.uniform(-1, 1)] == first
    assert all(0 <= draws.getrandbits(bits) < 2**bits for bits in (1, 7, 8, 9, 64, 100) for _ in range(50))
    values = [draws.randint(0, 9) for _ in range(5000)]
    assert np.bincount(values, minlength=10) / 5000 == pytest.approx([0.1] * 10, abs=0.02)


def test_no_index_is_asked_for_a_newer_version(augment):
    augment(1, "horizontal_flip")
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


@pytest.mark.raises_code("AB612")
def test_without_albumentations(section, monkeypatch, rejected):
    monkeypatch.setitem(__import__("sys").modules, "albumentations", None)
    augmenter = Augmenter(section("dataset: cifar10", "horizontal_flip").augment, MEAN, seed=0)
    with rejected() as found:
        augmenter(ramp(), 0, 0)
    assert [(d.code.id, d.span.line) for d in found] == [("AB612", 3)]
