"""random_crop: pads every side, then cuts a window of the image's own size."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archbuilder.data.tensor.step import Canvas, Step, Uniform, whole
from archbuilder.spec import augmentations as spec
from archbuilder.spec.ranges import Border

# np.pad's words for OpenCV's borders
_PAD: dict[Border, Any] = {"replicate": "edge", "reflect": "symmetric", "reflect_101": "reflect", "wrap": "wrap"}


class Crop(Step):
    """Windows are copied row by row: a batch is one gather of b * h runs of w * c bytes.

    A border that repeats pixels needs none of its rows made: the gather reads the rows that they repeat.
    """

    numbers = 2

    def __init__(self, spec: spec.RandomCrop, canvas: Canvas) -> None:
        super().__init__(spec, canvas)
        self.padding = spec.padding
        self.fill = canvas.levels(spec.fill)
        self.sides: tuple[Tensor, Tensor] | None = None  # columns that the border repeats on the left and on the right
        down, right = spec.padding
        rows = np.arange(canvas.height + 2 * down)
        if spec.mode != "constant":
            rows = np.pad(np.arange(canvas.height), down, _PAD[spec.mode])
            columns = torch.from_numpy(np.pad(np.arange(canvas.width), right, _PAD[spec.mode])).to(canvas.device)
            self.sides = columns[:right], columns[right + canvas.width :]
        self.rows = torch.from_numpy(rows).to(canvas.device)

    def parameters(self, uniform: Uniform) -> tuple[NDArray[Any], ...]:
        """The window's first row and column in the padded image."""
        return tuple(whole(uniform[:, axis], 0, 2 * self.padding[axis]) for axis in (0, 1))

    def apply(self, pixels: Tensor, *parameters: Tensor) -> Tensor:
        top, left = parameters
        padded = self._padded(pixels)
        batch, height, width, channels = pixels.shape
        _, lines, columns, _ = padded.shape
        rows = self.rows[top[:, None] + torch.arange(height, device=pixels.device)]
        first = torch.arange(batch, device=pixels.device) * lines
        starts = (first[:, None] + rows) * columns + left[:, None]
        run = width * channels
        runs = padded.view(-1).as_strided((padded.numel() - run + 1, run), (1, 1))  # the run from every byte on
        return runs[starts.view(-1) * channels].view(pixels.shape)

    def _padded(self, pixels: Tensor) -> Tensor:
        """With all columns of the border, and its rows where they are filled."""
        if self.sides is not None:
            before, after = (pixels.index_select(2, side) for side in self.sides)
            return torch.cat((before, pixels, after), 2)
        (down, right), (batch, height, width) = self.padding, pixels.shape[:3]
        padded = self.fill.repeat(batch, height + 2 * down, width + 2 * right, 1)
        padded[:, down : down + height, right : right + width] = pixels
        return padded
