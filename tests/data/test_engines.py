"""The two engines do the same: equal images where nothing is left to chance, equal distributions where it is."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from archbuilder.data.augment import Augmenter
from archbuilder.data.augment_calls import _CALLS as PER_IMAGE
from archbuilder.data.pixels import resize
from archbuilder.data.tensor import _STEPS as PER_BATCH
from archbuilder.data.tensor import BatchAugmenter
from archbuilder.data.tensor.step import Canvas
from archbuilder.spec.augmentations import AUGMENTATIONS

MEAN = (125, 123, 114)
SIDE = 32
ENGINES = ("albumentations", "tensor")
MODES = {"constant": "constant", "replicate": "edge", "reflect": "symmetric", "reflect_101": "reflect", "wrap": "wrap"}
CERTAIN = 1e-4  # a p-value below it means that two engines differ: at fixed seeds the tests pass always or never


@pytest.fixture
def augmented(section):
    """augmented(engine, images, lines...) -> the images of one epoch, uint8 (n, h, w, c)."""

    def apply(engine, images, *lines, seed=3, epoch=0):
        steps = section("dataset: digits\nengine: tensor", *lines).augment
        mean = (*MEAN, 90, 80)[: images.shape[-1]]
        if engine == "albumentations":
            augmenter = Augmenter(steps, mean, seed)
            return np.stack([augmenter(image, epoch, index) for index, image in enumerate(images)])
        canvas = Canvas(*images.shape[1:3], mean)
        batches = BatchAugmenter(steps, canvas, seed)
        found = batches(torch.from_numpy(images.copy()), batches.draws(epoch, len(images)), np.arange(len(images)))
        assert found.shape == images.shape and found.dtype == torch.uint8
        return found.numpy()

    return apply


def scenes(count: int = 40, height: int = SIDE, width: int = SIDE, channels: int = 3) -> np.ndarray:
    """Images with edges and gradients: a blurred landscape of noise, with some noise of its own."""
    random = np.random.default_rng(5)
    coarse = random.uniform(0, 255, (count * channels, 5, 5))
    smooth = resize(coarse, height, width).reshape(count, channels, height, width).transpose(0, 2, 3, 1)
    return (smooth + random.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)


def test_both_engines_know_every_augmentation_of_the_language():
    assert {AUGMENTATIONS.find(name) for name in AUGMENTATIONS.names()} == set(PER_BATCH) == set(PER_IMAGE)


EQUAL = ["horizontal_flip: 1", "vertical_flip: 1", "random_crop: {padding: 0}"]
EQUAL += ["coarse_dropout: {height: 32, width: 32, fill: mean, p: 1}"]
EQUAL += [f"color_jitter: {{{field}: [{f}, {f}], p: 1}}" for field in ("brightness", "contrast") for f in (0.6, 1.3)]
FORCED = "shift: [{0}, {0}], scale: [{1}, {1}], rotate: [{2}, {2}], p: 1"
NEAR = [
    f"shift_scale_rotate: {{{FORCED.format(*strengths)}, {border}}}"
    for strengths in ((0.06, 0.07, 13), (-0.3, -0.8, -77))
    for border in ("fill: mean", "border: replicate", "border: reflect", "border: reflect_101", "border: wrap")
]
NEAR += ["to_gray: 1", *[f"color_jitter: {{saturation: [{f}, {f}], p: 1}}" for f in (0.0, 0.2, 1.5)]]


@pytest.mark.parametrize(("line", "levels"), [*((line, 0) for line in EQUAL), *((line, 1) for line in NEAR)])
def test_equal_images_where_the_draws_are_forced(augmented, line, levels):
    one, other = (augmented(engine, scenes(), line).astype(int) for engine in ENGINES)
    assert np.abs(one - other).max() <= levels
    assert (one != other).mean() < 0.002


GREY = [f"color_jitter: {{{field}, p: 1}}" for field in ("brightness: [0.6, 0.6]", "contrast: [1.3, 1.3]", "hue: 0.2")]
GREY += ["color_jitter: {brightness: [1.2, 1.2], saturation: 0.5, p: 1}", "color_jitter: {saturation: 3, p: 1}"]


@pytest.mark.parametrize("line", GREY)
def test_equal_changes_of_grey_images(augmented, line):
    """What a grey image does not have is left alone by both."""
    one, other = (augmented(engine, scenes(channels=1), line).astype(int) for engine in ENGINES)
    assert np.abs(one - other).max() <= 1
    if "contrast" not in line and "brightness" not in line:
        assert np.array_equal(other, scenes(channels=1))


@pytest.mark.parametrize("line", [*EQUAL, *NEAR, *GREY])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_result_may_be_written_to(section, line, channels):
    """No two of its values share memory: the next step writes to it in place where it strikes some of the images."""
    (step,) = section("dataset: digits\nengine: tensor", line).augment
    if step.misfit((channels, SIDE, SIDE))[0]:
        return
    batches = BatchAugmenter([step], Canvas(SIDE, SIDE, MEAN[:channels] + (90,) * (channels - 3)), seed=1)
    images = torch.from_numpy(scenes(4, channels=channels))
    found = batches(images, batches.draws(0, 4), np.arange(4))
    assert torch._debug_has_internal_overlap(found) == 0


@pytest.mark.parametrize("turn", [0.13, -0.3, 0.5])
def test_equal_hues(augmented, turn):
    """OpenCV has 180 hues for bytes: its table may round a colour to the next, up to 8 levels away."""
    one, other = (augmented(engine, scenes(), f"color_jitter: {{hue: [{turn}, {turn}], p: 1}}") for engine in ENGINES)
    distance = np.abs(one.astype(int) - other)
    assert distance.max() <= 9
    assert (distance > 1).mean() < 0.01


@pytest.mark.parametrize("shape", [(20, 12, 1), (12, 20, 3), (7, 9, 5), (1, 6, 3)])
def test_other_sizes_and_channel_counts(augmented, shape):
    images = scenes(60, *shape)
    lines = ["vertical_flip: 1", "shift_scale_rotate: {shift: [0.1, 0.1], scale: [0.2, 0.2], rotate: [30, 30], p: 1}"]
    one, other = (augmented(engine, images, *lines).astype(int) for engine in ENGINES)
    assert np.abs(one - other).max() <= 1
    if shape[0] > 1:
        augmented("tensor", images, "coarse_dropout: {height: 3, width: 4}", "random_crop: {padding: 2, mode: wrap}")


@pytest.mark.parametrize("shape", [(1, 9, 3), (9, 1, 1), (1, 1, 1)])
def test_a_constant_border_comes_into_images_of_a_single_row_or_column(augmented, shape):
    line = "shift_scale_rotate: {shift: [0.3, 0.3], scale: [0.1, 0.1], rotate: [0, 0], fill: 0, p: 1}"
    one, other = (augmented(engine, scenes(20, *shape), line).astype(int) for engine in ENGINES)
    assert np.abs(one - other).max() <= 1 and not np.array_equal(one, scenes(20, *shape))


@pytest.mark.parametrize("mode", MODES)
def test_random_crop_cuts_the_windows_that_albumentations_cuts(augmented, mode):
    """The very same set of pictures, each as often: 35 windows of one image."""
    image = scenes(1)
    fill = ", fill: mean" if mode == "constant" else ""
    images = np.repeat(image, 3000, axis=0)
    line = f"random_crop: {{padding: [2, 3], mode: {mode}{fill}}}"
    one, other = (Counter(map(bytes, augmented(engine, images, line))) for engine in ENGINES)
    assert set(one) == set(other) and len(one) == 5 * 7
    assert agree([one[window] for window in one], [other[window] for window in one])


@pytest.mark.parametrize("padding", [(2, 3), (0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("mode", MODES)
def test_random_crop_cuts_each_window_from_its_own_image(augmented, mode, padding):
    """By NumPy's padding, for images of any form."""
    images, (down, right) = scenes(50, 8, 12, 4), padding
    line = f"random_crop: {{padding: [{down}, {right}], mode: {mode}}}"
    padded = np.pad(images, ((0, 0), (down, down), (right, right), (0, 0)), MODES[mode])
    for image, around in zip(augmented("tensor", images, line), padded, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(around, image.shape)
        assert (windows == image).all((-3, -2, -1)).any()


def agree(one: list[int], other: list[int]) -> bool:
    """Whether two histograms are of one distribution, by chi-square."""
    return bool(stats.chi2_contingency([one, other]).pvalue > CERTAIN)


def ramps(count: int) -> np.ndarray:
    """Red grows by 4 per column, green by 4 per row, blue is 200: a pixel's colour is its place."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    ramp = np.stack([60 + 4 * columns, 60 + 4 * rows, np.full_like(rows, 200)], axis=-1).astype(np.uint8)
    return np.repeat(ramp[None], count, axis=0)


def placed(images: np.ndarray) -> dict[str, np.ndarray]:
    """Zoom, turn in degrees and shift in pixels of each ramp, read off its middle."""
    middle = slice(SIDE // 2 - 5, SIDE // 2 + 5)
    rows, columns = (grid[middle, middle].ravel() - (SIDE - 1) / 2 for grid in np.mgrid[:SIDE, :SIDE])
    sources = (images[:, middle, middle, :2].reshape(len(images), -1, 2).astype(float) - 60) / 4 - (SIDE - 1) / 2
    places = np.stack([columns, rows, np.ones_like(rows)], axis=1)
    fits = np.linalg.pinv(places) @ sources  # (n, 3, 2)
    linear = fits[:, :2].transpose(0, 2, 1)
    zoom = 1 / np.sqrt(np.linalg.det(linear))
    turn = np.degrees(np.arctan2(linear[:, 1, 0], linear[:, 0, 0]))
    shift = -np.einsum("nij,nj->ni", np.linalg.inv(linear), fits[:, 2])
    return {"zoom": zoom, "turn": turn, "x": shift[:, 0], "y": shift[:, 1]}


def test_shift_scale_rotate_draws_the_same(augmented):
    line = "shift_scale_rotate: {shift: [-0.05, 0.0625], scale: [-0.1, 0.15], rotate: [-20, 10], p: 1}"
    one, other = (placed(augmented(engine, ramps(1500), line)) for engine in ENGINES)
    ends = {"zoom": (0.9, 1.15), "turn": (-20, 10), "x": (-1.6, 2), "y": (-1.6, 2)}
    for name, (low, high) in ends.items():
        assert stats.ks_2samp(one[name], other[name]).pvalue > CERTAIN, name
        assert stats.kstest(other[name], stats.uniform(low, high - low).cdf).statistic < 0.05, name
    for found in (one, other):  # each draws by itself
        assert np.abs(np.corrcoef(list(found.values()))[np.triu_indices(4, 1)]).max() < 0.1


def test_coarse_dropout_draws_the_same(augmented):
    line = "coarse_dropout: {holes: [1, 3], height: [3, 5], width: 4, fill: mean, p: 0.7}"
    images = np.zeros((2500, 12, 10, 3), np.uint8)
    painted = {}
    for engine in ENGINES:
        found = augmented(engine, images, line)
        hole = (found != 0).all(axis=-1)
        assert (found[hole] == MEAN).all()
        painted[engine] = hole
    sizes = [np.bincount(hole.sum((1, 2)), minlength=61) for hole in painted.values()]
    filled = (sizes[0] + sizes[1]) > 10
    assert agree(sizes[0][filled], sizes[1][filled])
    struck = [hole.any((1, 2)).sum() for hole in painted.values()]
    assert all(stats.binomtest(int(count), 2500, 0.7).pvalue > CERTAIN for count in struck)
    one, other = (hole.mean(0) for hole in painted.values())
    assert np.abs(one - other).max() < 0.06  # how often each pixel is painted


def test_one_hole_lies_anywhere_inside_with_equal_chance(augmented):
    images = np.zeros((4000, 12, 10, 1), np.uint8)
    line = "coarse_dropout: {height: [3, 4], width: 5, fill: 9, p: 1}"
    for engine in ENGINES:
        hole = augmented(engine, images, line)[..., 0] != 0
        top, left, height = hole.any(2).argmax(1), hole.any(1).argmax(1), hole.any(2).sum(1)
        assert set(hole.any(1).sum(1)) == {5}
        for size in (3, 4):
            counts = np.zeros((12 - size + 1, 6))
            np.add.at(counts, (top[height == size], left[height == size]), 1)
            assert stats.chisquare(counts.ravel()).pvalue > CERTAIN


LEVELS = {"brightness": (120, 120, 120), "saturation": (200, 100, 60), "hue": (200, 60, 60)}


@pytest.mark.parametrize("field", ["brightness", "contrast", "saturation", "hue"])
def test_color_jitter_draws_the_same(augmented, field):
    images = np.empty((1500, 4, 4, 3), np.uint8)
    images[:] = LEVELS.get(field, 100)
    if field == "contrast":
        images[:, :2] = 160
    strength = "0.1" if field == "hue" else "[0.6, 1.3]"
    one, other = (augmented(e, images, f"color_jitter: {{{field}: {strength}, p: 0.8}}")[:, 0, 0] for e in ENGINES)
    spread = [value.astype(int) @ (1, 3, 9) for value in (one, other)]
    assert stats.ks_2samp(*spread).pvalue > CERTAIN
    assert len(np.unique(spread[1])) > 15
    kept = [int((value == images[0, 0, 0]).all(axis=1).sum()) for value in (one, other)]
    assert agree([kept[0], 1500 - kept[0]], [kept[1], 1500 - kept[1]])


def test_color_jitter_takes_every_order_equally_often(augmented):
    """Four changes that do not commute: each of the 24 orders has its own result, or shares it with few others."""
    images = np.repeat(scenes(1, 4, 4), 4800, axis=0)
    fixed = "brightness: [1.7, 1.7], contrast: [1.6, 1.6], saturation: [2.5, 2.5], hue: [0.2, 0.2]"
    one, other = (augmented(engine, images, f"color_jitter: {{{fixed}, p: 1}}").astype(int) for engine in ENGINES)
    kinds = [np.array(found) for found in sorted({tuple(image.ravel()) for image in one})]
    assert len(kinds) > 15
    counts = []
    for found in (one, other):
        flat = found.reshape(len(found), -1)
        nearest = np.argmin([np.abs(flat - kind).sum(1) for kind in kinds], axis=0)
        counts.append(np.bincount(nearest, minlength=len(kinds)))
    assert agree(*counts)


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_strike_as_often_as_they_say_and_independently(augmented, engine):
    lines = ["horizontal_flip: 0.5", "vertical_flip: 0.3", "coarse_dropout: {height: 3, width: 3, p: 0.25}"]
    results = augmented(engine, ramps(3000), *lines).astype(int)
    left_right, up_down = results[:, 5, -1, 0] < results[:, 5, 0, 0], results[:, -1, 5, 1] < results[:, 0, 5, 1]
    dropped = (results[..., 2] == 0).any((1, 2))
    for struck, p in ((left_right, 0.5), (up_down, 0.3), (dropped, 0.25)):
        assert stats.binomtest(int(struck.sum()), 3000, p).pvalue > CERTAIN
    assert np.abs(np.corrcoef([left_right, up_down, dropped])[np.triu_indices(3, 1)]).max() < 0.07


def test_steps_are_applied_in_the_order_of_the_list(augmented):
    hole = "coarse_dropout: {height: 32, width: 32, fill: [9, 99, 9], p: 1}"
    gray = round(0.299 * 9 + 0.587 * 99 + 0.114 * 9)
    for engine in ENGINES:
        assert (augmented(engine, scenes(2), "to_gray: 1", hole) == [9, 99, 9]).all()
        assert (augmented(engine, scenes(2), hole, "to_gray: 1") == gray).all()


def test_alternate_flips_each_image_every_other_epoch(augmented):
    flipped = []
    for epoch in range(4):
        results = augmented("tensor", ramps(1000), "horizontal_flip: {alternate: true}", epoch=epoch)
        assert all(
            np.array_equal(x, y) or np.array_equal(x, y[:, ::-1]) for x, y in zip(results, ramps(1000), strict=True)
        )
        flipped.append(results[:, 0, 0, 0] > 100)
    assert stats.binomtest(int(flipped[0].sum()), 1000, 0.5).pvalue > CERTAIN
    assert np.array_equal(flipped[1], ~flipped[0])
    assert np.array_equal(flipped[2], flipped[0]) and np.array_equal(flipped[3], flipped[1])


def test_an_image_has_the_same_draws_however_many_follow_it(section):
    lines = ["horizontal_flip", "shift_scale_rotate", "coarse_dropout: {holes: [1, 4], height: 3, width: 3}"]
    lines += ["random_crop", "color_jitter: {brightness: 0.1, contrast: 0.1, hue: 0.1}"]
    augmenter = BatchAugmenter(section("dataset: cifar10", *lines).augment, Canvas(32, 32, MEAN), seed=1)
    for few, many in zip(augmenter.draws(7, 10), augmenter.draws(7, 1000), strict=True):
        assert np.array_equal(few.struck, many.struck[:10])
        assert all(np.array_equal(a, b[:10]) for a, b in zip(few.parameters, many.parameters, strict=True))


def test_the_tensor_engine_imports_nothing_heavy_beside_torch():
    code = """
import sys
import numpy as np
from archbuilder.data.arrays import Images
from archbuilder.data.batches import TrainBatches
from archbuilder.document.parser import parse
from archbuilder.schema.env import Env
from archbuilder.schema.model import validate
from archbuilder.spec.data import Data
text = "dataset: digits\\nengine: tensor\\naugment: [horizontal_flip, shift_scale_rotate, random_crop]\\n"
images = Images(np.zeros((8, 8, 8, 3), np.uint8), np.zeros(8, np.int64))
batches = TrainBatches(images, validate(Data, parse(text).root, Env()), mean=[0.0] * 3, std=[1.0] * 3, seed=0)
assert [len(y) for _, y in batches.epoch(1)] == [8]
heavy = {"albumentations", "cv2", "torchvision", "torchmetrics", "PIL", "matplotlib", "scipy", "pandas"}
print(sorted(heavy & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
