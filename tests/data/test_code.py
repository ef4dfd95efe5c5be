"""The code that a report prints is the augmentation of the run: it is executed, and gives the same images."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from archbuilder.data.augment import Draws, compose
from archbuilder.data.batches import Normaliser
from archbuilder.evidence.augmentation import augmentation_code

MEAN, STD = (125.306918, 122.950394, 113.865383), (62.993219, 62.088707, 66.704899)
ASSIGNMENT = [
    "horizontal_flip: 0.5",
    "shift_scale_rotate: {shift: 0.0625, scale: 0.1, rotate: 15, p: 0.5}",
    "coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean, p: 0.5}",
]
EVERYTHING = [
    *ASSIGNMENT,
    "vertical_flip",
    "to_gray: 0.1",
    "random_crop: {padding: [2, 3], mode: reflect, p: 0.9}",
    "random_crop: {padding: 1, fill: mean}",
    "color_jitter: {brightness: 0.2, hue: [-0.1, 0.2]}",
    "shift_scale_rotate: {rotate: [5, 9], fill: [1, 2, 3]}",
    "shift_scale_rotate: {border: wrap}",
    "coarse_dropout: {holes: [1, 3], height: [2, 4], width: 5, fill: [9, 8, 7]}",
]


def executed(code: str) -> dict:
    namespace: dict = {}
    exec(compile(code, "augmentation.py", "exec"), namespace)
    return namespace


def drawn(pipeline, image: np.ndarray, index: int) -> np.ndarray:
    """The image as a pipeline shows it with the random numbers of one index."""
    draws = Draws()
    pipeline.set_random_state(draws.generator, draws)
    draws.seek(5, 0, index)
    return pipeline(image=image)["image"]


@pytest.mark.parametrize("lines", [[], ASSIGNMENT, EVERYTHING], ids=["nothing", "assignment", "everything"])
@pytest.mark.parametrize("normalize", [True, False])
def test_the_code_gives_the_images_of_the_run(section, photos, lines, normalize):
    spec = section(f"dataset: cifar10\nnormalize: {str(normalize).lower()}", *lines)
    theirs = executed(augmentation_code(spec, MEAN, STD, (32, 32)))
    ours = compose(spec.augment, (32, 32), tuple(round(level) for level in MEAN))
    normalise = Normaliser(MEAN, STD, spec)
    for index, image in enumerate(photos.images[:60]):
        expected = normalise(_tensor(drawn(ours, image, index)))[0]
        found = drawn(theirs["train_transforms"], image, index)
        assert found.shape == (3, 32, 32)
        assert np.abs(found.numpy() - expected.numpy()).max() < 2e-6
    plain = theirs["test_transforms"](image=photos.images[0])["image"]
    assert np.abs(plain.numpy() - normalise(_tensor(photos.images[0]))[0].numpy()).max() < 2e-6


def _tensor(image: np.ndarray):
    import torch

    return torch.from_numpy(image[None].copy())


def test_the_assignments_words_are_there(section):
    code = augmentation_code(section("dataset: cifar10", *ASSIGNMENT), MEAN, STD, (32, 32))
    for words in (
        "A.HorizontalFlip(p=0.5)",
        "ShiftScaleRotate",
        "rotate=(-15.0, 15.0)",
        "scale=(0.9, 1.1)",
        '"x": (-0.0625, 0.0625)',
        "num_holes_range=(1, 1)",
        "hole_height_range=(16, 16)",
        "fill=(125, 123, 114),  # mean of the training images, 0 to 255",
        "mean = (0.49139968, 0.48215841, 0.44653091)",
    ):
        assert words in code
    assert max(map(len, code.splitlines())) <= 88
    assert "archbuilder" not in code


def test_what_the_tensor_engine_did_is_said(section):
    code = augmentation_code(section("dataset: cifar10\nengine: tensor", *ASSIGNMENT), MEAN, STD, (32, 32))
    assert "engine `tensor`" in code
    flips = section("dataset: cifar10\nengine: tensor", "horizontal_flip: {alternate: true}")
    assert "flipped in every other epoch" in augmentation_code(flips, MEAN, STD, (32, 32))


def test_the_code_is_laid_out_as_ruff_does(section, tmp_path):
    path = tmp_path / "augmentation.py"
    path.write_text(augmentation_code(section("dataset: cifar10", *EVERYTHING), MEAN, STD, (32, 32)))
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_it_is_written_without_albumentations():
    code = (
        "import sys\n"
        "from archbuilder.evidence.augmentation import augmentation_code\n"
        "from archbuilder.spec.data import Data\n"
        "assert 'train_transforms' in augmentation_code(Data(dataset='cifar10'), [1.0], [2.0], (8, 8))\n"
        "print(sorted({'torch', 'albumentations', 'cv2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
