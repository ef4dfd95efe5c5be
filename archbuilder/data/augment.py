"""Augmentation of single images by albumentations, each image with random numbers of its own.

What a pipeline draws for an image depends on (seed, epoch, index of the image) and on nothing
else: not on the order, the batch size, the number of worker processes or the epochs before.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import SAMPLE, stream
from archbuilder.data.packages import missing
from archbuilder.diagnostics import Span
from archbuilder.spec import augmentations as spec
from archbuilder.spec.ranges import Border, Fill

Levels = tuple[int, ...]
Size = tuple[int, int]


def library(place: Span) -> Any:
    """albumentations.  Raises ArchbuilderError AB612 where it is not installed."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import would ask a package index for a newer version
    try:
        import albumentations
    except ImportError as error:
        raise missing("augmentation needs albumentations", error, place) from None
    return albumentations


class Augmenter:
    """Applies a list of augmentations to uint8 images (h, w, c).

    mean: the data set's, per channel in 0..255, for `fill: mean`.
    """

    def __init__(self, augmentations: Sequence[spec.Augmentation], mean: Sequence[float], seed: int) -> None:
        self.augmentations = tuple(augmentations)
        self.mean = tuple(round(level) for level in mean)  # uint8 images would cut the fraction off
        self.seed = seed
        self._size: Size | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A worker process that starts afresh builds its own pipeline."""
        return {**self.__dict__, "_size": None, "_pipeline": None, "_draws": None}

    def __call__(self, image: NDArray[np.uint8], epoch: int, index: int) -> NDArray[np.uint8]:
        """The image as this epoch shows it; the one given is left as it is."""
        self.prepare(image.shape[:2])
        self._draws.seek(self.seed, epoch, index)
        result: NDArray[np.uint8] = self._pipeline(image=image)["image"]
        return result

    def prepare(self, size: Size) -> None:
        """Be ready for images of a size (height, width): the first time imports albumentations, which takes seconds."""
        if self._size == size or not self.augmentations:
            return
        self._pipeline = compose(self.augmentations, size, self.mean)
        self._draws = Draws()
        # one stream for all: with `set_random_seed` each step starts alike, and flips exactly when the next one turns
        self._pipeline.set_random_state(self._draws.generator, self._draws)
        self._size = size


class Draws(random.Random):
    """A `random.Random` that shares numpy's stream, so that one place in it governs every draw."""

    def __init__(self) -> None:
        self.generator = stream(0, 0, SAMPLE)
        self._state: Any = self.generator.bit_generator.state
        super().__init__(0)

    def seek(self, seed: int, epoch: int, index: int) -> None:
        """Go to the beginning of the stream of one image in one epoch."""
        self._state["state"]["key"][:] = (seed, epoch)
        self._state["state"]["counter"][:] = (0, index, SAMPLE, 0)
        self.generator.bit_generator.state = self._state

    def random(self) -> float:
        return self.generator.random()

    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(self.generator.bytes((k + 7) // 8), "little") >> (-k % 8)


def compose(augmentations: Sequence[spec.Augmentation], size: Size, mean: Levels) -> Any:
    """The albumentations pipeline for images of a size (height, width); `mean` has a level per channel."""
    place = augmentations[0].span() if augmentations else Span("<built in>")
    library_ = library(place)
    steps = [_STEPS[type(step)](library_, step, size, mean) for step in augmentations]
    return library_.Compose(steps, strict=True, is_check_shapes=False)  # there is nothing but the image to compare


def _flip(A: Any, step: spec.HorizontalFlip, size: Size, mean: Levels) -> Any:
    return A.HorizontalFlip(p=step.p, strict=True)


def _flip_vertically(A: Any, step: spec.VerticalFlip, size: Size, mean: Levels) -> Any:
    return A.VerticalFlip(p=step.p, strict=True)


def _to_gray(A: Any, step: spec.ToGray, size: Size, mean: Levels) -> Any:
    return A.ToGray(num_output_channels=3, p=step.p, strict=True)


def _affine(A: Any, step: spec.ShiftScaleRotate, size: Size, mean: Levels) -> Any:
    """`Affine` with one zoom for both axes: its own ShiftScaleRotate stretches them apart."""

    class Affine(A.Affine):  # type: ignore[misc]  # albumentations has no types
        def _get_translate_params(self, image_shape: Size) -> dict[str, float]:
            """The shift in pixels, uniform.  The original cuts it to whole pixels: of ±2 it would leave ±1."""
            draw, ranges = self.py_random.uniform, self.translate_percent
            return {"x": draw(*ranges["x"]) * image_shape[1], "y": draw(*ranges["y"]) * image_shape[0]}

    low, high = step.scale_range
    return Affine(
        translate_percent={"x": step.shift_range, "y": step.shift_range},
        scale=(1.0 + low, 1.0 + high),
        rotate=step.rotate_range,
        keep_ratio=True,
        border_mode=_border(step.border_mode),
        fill=_levels(step.fill, mean),
        p=step.p,
        strict=True,
    )


def _coarse_dropout(A: Any, step: spec.CoarseDropout, size: Size, mean: Levels) -> Any:
    return A.CoarseDropout(
        num_holes_range=step.holes_range,
        hole_height_range=step.height_range,
        hole_width_range=step.width_range,
        fill=_levels(step.filling, mean),
        p=step.p,
        strict=True,
    )


def _random_crop(A: Any, step: spec.RandomCrop, size: Size, mean: Levels) -> Any:
    height, width = step.padding
    fill = _levels(step.fill, mean)
    pad = A.Pad(padding=(width, height), border_mode=_border(step.mode), fill=fill, p=1.0, strict=True)
    return A.Sequential([pad, A.RandomCrop(*size, p=1.0, strict=True)], p=step.p)


def _color_jitter(A: Any, step: spec.ColorJitter, size: Size, mean: Levels) -> Any:
    return A.ColorJitter(
        brightness=step.brightness,
        contrast=step.contrast,
        saturation=step.saturation,
        hue=step.hue,
        p=step.p,
        strict=True,
    )


_STEPS: dict[type[spec.Augmentation], Callable[[Any, Any, Size, Levels], Any]] = {
    spec.HorizontalFlip: _flip,
    spec.VerticalFlip: _flip_vertically,
    spec.ToGray: _to_gray,
    spec.ShiftScaleRotate: _affine,
    spec.CoarseDropout: _coarse_dropout,
    spec.RandomCrop: _random_crop,
    spec.ColorJitter: _color_jitter,
}


def _levels(fill: Fill | None, mean: Levels) -> Levels | int:
    if isinstance(fill, tuple):
        return tuple(map(round, fill))
    return mean if fill == "mean" else round(fill or 0.0)


def _border(name: Border) -> int:
    import cv2

    border: int = getattr(cv2, f"BORDER_{name.upper()}")
    return border
