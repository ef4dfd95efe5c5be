"""Augmentation of single images by albumentations, each image with random numbers of its own.

What a pipeline draws for an image depends on (seed, epoch, index of the image) and on nothing
else: not on the order, the batch size, the number of worker processes or the epochs before.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import SAMPLE, stream
from archbuilder.data.augment_calls import OWN, Call, Constant, Levels, Size, calls
from archbuilder.data.packages import missing
from archbuilder.diagnostics import Span
from archbuilder.spec import augmentations as spec


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
        """Build the pipeline for images of a size (height, width); the first call imports albumentations."""
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
    steps = [_build(library_, call) for call in calls(augmentations, size, mean)]
    return library_.Compose(steps, strict=True, is_check_shapes=False)  # no mask whose shape could differ


def _build(library_: Any, call: Call) -> Any:
    if call.inner:
        return getattr(library_, call.name)([_build(library_, inner) for inner in call.inner], **call.arguments)
    import cv2

    from archbuilder.data import subpixel

    found = getattr(subpixel if call.name == OWN else library_, call.name)
    arguments = {
        name: getattr(cv2, value.name) if isinstance(value, Constant) else value
        for name, value in call.arguments.items()
    }
    return found(**arguments, strict=True)  # a name that is not known here is an error, not a warning
