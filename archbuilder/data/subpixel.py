"""The one class of albumentations that has to be changed; `augmentation_code` prints it as it stands here."""

from typing import Any

import albumentations as A


class Affine(A.Affine):  # type: ignore[misc]  # albumentations has no types
    """ShiftScaleRotate by parts of a pixel: A.Affine cuts a shift to whole ones."""

    def _get_translate_params(self, image_shape: tuple[int, int]) -> dict[str, Any]:
        ranges, draw = self.translate_percent, self.py_random.uniform
        x, y = draw(*ranges["x"]), draw(*ranges["y"])
        return {"x": x * image_shape[1], "y": y * image_shape[0]}
