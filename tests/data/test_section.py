"""The `data:` section: what it accepts, what it means, and what it says of mistakes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.spec.augmentations import CoarseDropout, ColorJitter, HorizontalFlip, RandomCrop, ShiftScaleRotate
from archbuilder.spec.data import problems

ASSIGNMENT = (
    "max_holes: 1, max_height: 16, max_width: 16, min_holes: 1, min_height: 16, min_width: 16, fill_value: mean"
)


def test_defaults(section):
    data = section("dataset: cifar10")
    assert (data.batch_size, data.augment, data.validation, data.normalize, data.workers) == (128, (), 0.0, True, 0)


def test_a_bare_name_and_a_bare_value(section):
    data = section("dataset: digits", "horizontal_flip", "horizontal_flip: 0.25", "{horizontal_flip: {p: 1}}")
    assert [step.p for step in data.augment] == [0.5, 0.25, 1.0]
    assert all(isinstance(step, HorizontalFlip) for step in data.augment)


@pytest.mark.parametrize("words", ["holes: 1, height: 16, width: 16, fill: mean", ASSIGNMENT])
def test_both_spellings_of_coarse_dropout_mean_one_hole_of_16x16(section, words):
    (step,) = section("dataset: cifar10", f"coarse_dropout: {{{words}}}").augment
    assert isinstance(step, CoarseDropout)
    assert (step.holes_range, step.height_range, step.width_range) == ((1, 1), (16, 16), (16, 16))
    assert step.filling == "mean"


def test_ranges_from_min_to_max(section):
    old = (
        "coarse_dropout: {min_holes: 2, max_holes: 4, max_height: 8, min_width: 3, max_width: 5, mask_fill_value: null}"
    )
    new = "coarse_dropout: {holes: [2, 4], height: 8, width: [3, 5], fill: [1, 2, 3]}"
    for step in section("dataset: cifar10", old, new).augment:
        assert isinstance(step, CoarseDropout)
        assert (step.holes_range, step.height_range, step.width_range) == ((2, 4), (8, 8), (3, 5))


def test_both_spellings_of_shift_scale_rotate(section):
    new = "shift_scale_rotate: {shift: 0.0625, scale: 0.1, rotate: 15}"
    old = "shift_scale_rotate: {shift_limit: 0.0625, scale_limit: [-0.1, 0.1], rotate_limit: 15}"
    for step in section("dataset: cifar10", new, old).augment:
        assert isinstance(step, ShiftScaleRotate)
        assert (step.shift_range, step.scale_range, step.rotate_range) == ((-0.0625, 0.0625), (-0.1, 0.1), (-15, 15))
        assert step.border_mode == "reflect_101"


def test_a_fill_asks_for_a_constant_border(section):
    (step,) = section("dataset: cifar10", "shift_scale_rotate: {fill: mean}").augment
    assert isinstance(step, ShiftScaleRotate)
    assert step.border_mode == "constant"


def test_numbers_become_ranges(section):
    jitter, crop = section("dataset: cifar10", "color_jitter: {brightness: 0.2, hue: 0.1}", "random_crop").augment
    assert isinstance(jitter, ColorJitter)
    assert isinstance(crop, RandomCrop)
    assert (jitter.brightness, jitter.contrast, jitter.hue) == ((0.8, 1.2), (1.0, 1.0), (-0.1, 0.1))
    assert (crop.padding, crop.p) == ((4, 4), 1.0)


@pytest.mark.parametrize(
    ("augment", "code", "words"),
    [
        ("flip", "AB101", "there is no augmentation flip"),
        ("coarse_dropout: {max_hights: 3}", "AB101", "did you mean max_height?"),
        ("horizontal_flip: {p: 1.5}", "AB103", "1.5 is out of range"),
        ("coarse_dropout", "AB103", "height and width are missing"),
        ("coarse_dropout: {holes: 1, max_holes: 2, height: 3, width: 3}", "AB103", "holes and max_holes say the same"),
        ("coarse_dropout: {holes: 1, min_holes: 2, height: 3, width: 3}", "AB103", "holes and min_holes say the same"),
        ("coarse_dropout: {height: 3, width: 3, fill: 0, fill_value: 1}", "AB103", "fill and fill_value say the same"),
        ("coarse_dropout: {min_holes: 2, height: 3, width: 3}", "AB103", "min_holes stands without max_holes"),
        ("coarse_dropout: {max_holes: 1, min_holes: 2, height: 3, width: 3}", "AB103", "in the wrong order"),
        ("coarse_dropout: {height: [4, 2], width: 3}", "AB103", "write [2, 4]"),
        ("coarse_dropout: {height: 0, width: 3}", "AB103", "0 is out of range"),
        ("coarse_dropout: {height: 3, width: 3, fill: 0.47}", "AB103", "below one grey level"),
        ("coarse_dropout: {height: 3, width: 3, fill: 256}", "AB103", "a level from 0 to 255"),
        ("coarse_dropout: {height: 3, width: 3, fill: maen}", "AB103", "expected mean"),
        ("shift_scale_rotate: {shift: 0.1, shift_limit: 0.1}", "AB103", "shift and shift_limit say the same"),
        ("shift_scale_rotate: {rotate: .nan}", "AB103", "out of range"),
        ("shift_scale_rotate: {scale: x}", "AB103", "expected a number or [low, high]"),
        ("shift_scale_rotate: {shift: [1, 2, 3]}", "AB103", "expected a number or [low, high]"),
        ("shift_scale_rotate: {border: constnt}", "AB103", "did you mean constant?"),
        ("shift_scale_rotate: {border: wrap, fill: mean}", "AB103", "fill has no effect with border: wrap"),
        ("random_crop: {mode: reflect, fill: 3}", "AB103", "fill has no effect with mode: reflect"),
        ("color_jitter", "AB103", "changes nothing"),
        ("color_jitter: {hue: 0.7}", "AB103", "out of range"),
        ("horizontal_flip: {alternate: true, p: 0.5}", "AB103", "p has no effect with alternate: true"),
    ],
)
def test_a_mistake_in_an_augmentation(section, augment, code, words):
    with pytest.raises(ArchbuilderError) as caught:
        section("dataset: cifar10", augment)
    found = caught.value.diagnostics[0]
    assert found.code.id == code
    assert words in str(found)
    assert found.span.line == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batch_size: 3", "dataset is missing"),
        ("dataset: CIFAR10", "did you mean cifar10?"),
        ("dataset: imagenet", "there is no data set 'imagenet'"),
        ("dataset: cifar", "did you mean cifar10?"),
        ("dataset: photos", "a path has a slash, for example ./photos"),
        ("dataset: 10", "there is no data set 10"),
        ("dataset: cifar10\nbatch_size: 0", "0 is out of range"),
        ("dataset: cifar10\nvalidation: 1", "less than 1"),
        ("dataset: cifar10\nnormalise: true", "did you mean normalize?"),
        ("dataset: cifar10\nworkers: 1000", "1000 is out of range"),
        ("dataset: cifar10\nengine: tensors", "did you mean tensor?"),
        ("dataset: cifar10\naugment: horizontal_flip", "expected a list of augmentations"),
    ],
)
def test_a_mistake_in_the_section(section, text, words):
    with pytest.raises(ArchbuilderError, match=re.escape(words)):
        section(text)


@pytest.mark.parametrize(
    ("augment", "shape", "words"),
    [
        ("coarse_dropout: {height: 16, width: 8}", (3, 8, 8), "a hole of 16x8 is larger than the image, 8x8"),
        ("coarse_dropout: {height: 4, width: 4, fill: [1, 2]}", (3, 8, 8), "2 levels, but the images have 3 channels"),
        ("shift_scale_rotate: {fill: [1, 2]}", (3, 8, 8), "2 levels, but the images have 3 channels"),
        ("random_crop: {padding: 8}", (3, 8, 8), "padding 8x8 is as large as the image"),
        ("shift_scale_rotate: {fill: mean}", (5, 8, 8), "for up to 4 channels, but the images have 5"),
        ("to_gray", (1, 8, 8), "the images have 1 channels, but to_gray needs 3"),
        ("color_jitter: {hue: 0.1}", (2, 8, 8), "color_jitter needs 1 or 3"),
    ],
)
def test_an_augmentation_that_the_images_cannot_take(section, augment, shape, words):
    (found,) = problems(section("dataset: digits", "horizontal_flip", augment), shape, 10)
    assert found.code.id == "AB602"
    assert words in found.message
    assert found.span.line == 4


def test_what_an_engine_cannot_do_or_has_no_use_for(section):
    flip = "horizontal_flip: {alternate: true}"
    assert not list(problems(section("dataset: cifar10\nengine: tensor", flip), (3, 32, 32), 10))
    (found,) = problems(section("dataset: cifar10", "vertical_flip", flip), (3, 32, 32), 10)
    assert (found.code.id, found.severity, found.span.line) == ("AB614", "error", 4)
    assert "engine: tensor" in found.hint
    (found,) = problems(section("dataset: cifar10\nengine: tensor\nworkers: 2"), (3, 32, 32), 10)
    assert (found.code.id, found.severity, found.span.line) == ("AB615", "warning", 3)
    assert "workers: 2 has no effect with engine: tensor" in found.message


def test_a_network_of_another_size_or_class_count(section):
    found = list(problems(section("dataset: cifar10"), (3, 64, 64), 100))
    assert [d.code.id for d in found] == ["AB601", "AB601"]
    assert "set input: [3, 32, 32]" in str(found[0])
    assert "set classes: 10" in str(found[1])
    assert not list(problems(section("dataset: digits"), (1, 9, 11), 10))


def test_the_section_needs_no_torch_and_no_numpy():
    code = (
        "import sys, archbuilder.spec.data as d\n"
        "from archbuilder.document.parser import parse\n"
        "from archbuilder.schema.env import Env\n"
        "from archbuilder.schema.model import validate\n"
        "validate(d.Data, parse('dataset: cifar10\\naugment: [horizontal_flip]\\n').root, Env())\n"
        "print(sorted({'torch', 'numpy', 'albumentations', 'cv2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
