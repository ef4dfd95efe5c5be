"""coarse_dropout: rectangular holes, each wholly inside the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archbuilder.data.tensor.step import Canvas, Step, Uniform, whole
from archbuilder.spec import augmentations as spec


class Dropout(Step):
    """Every image gets as many holes as the most may have; those that it has not drawn are empty."""

    def __init__(self, spec: spec.CoarseDropout, canvas: Canvas) -> None:
        super().__init__(spec, canvas)
        self.holes, self.sides = spec.holes_range, (spec.height_range, spec.width_range)
        self.numbers = 1 + 4 * self.holes[1]
        self.fill = canvas.levels(spec.filling).repeat(canvas.width)
        self.rows = torch.arange(canvas.height, device=canvas.device)
        self.columns = torch.arange(canvas.width, device=canvas.device).repeat_interleave(canvas.channels)

    def parameters(self, uniform: Uniform) -> tuple[NDArray[Any], ...]:
        """(n, holes, 4): first row, row after the last, first column, column after the last of each hole."""
        most = self.holes[1]
        count = whole(uniform[:, :1], *self.holes)
        exists = np.arange(most) < count
        ends = []
        for axis, side in enumerate((self.canvas.height, self.canvas.width)):
            length = whole(uniform[:, 1 + axis * most :][:, :most], *self.sides[axis])
            first = whole(uniform[:, 1 + (2 + axis) * most :][:, :most], 0, side - length)
            ends += [first, first + length * exists]
        return (np.stack(ends, axis=-1),)

    def apply(self, pixels: Tensor, *parameters: Tensor) -> Tensor:
        (holes,) = parameters
        top, bottom, left, right = holes.unsqueeze(2).unbind(-1)  # each (b, holes, 1)
        rows = (self.rows >= top) & (self.rows < bottom)
        columns = (self.columns >= left) & (self.columns < right)
        inside = rows.unsqueeze(3) & columns.unsqueeze(2)
        mask = inside.squeeze(1) if self.holes[1] == 1 else inside.any(1)
        lines = pixels.reshape(len(pixels), self.canvas.height, -1)
        return (lines * ~mask + self.fill * mask).view(pixels.shape)  # torch.where is slower on bytes
