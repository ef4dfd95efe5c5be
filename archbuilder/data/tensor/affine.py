"""shift_scale_rotate: moves, zooms and turns about the centre, bilinear."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from archbuilder.data.tensor.step import Canvas, Step, Uniform, between
from archbuilder.spec import augmentations as spec

# grid_sample's words for OpenCV's borders; `wrap` is a modulo and one more row and column
_PADDING = {"constant": "zeros", "replicate": "border", "reflect": "reflection", "reflect_101": "reflection"}


class Affine(Step):
    """For every pixel of the result, where in the image it comes from, and the four pixels there blended."""

    numbers = 4

    def __init__(self, spec: spec.ShiftScaleRotate, canvas: Canvas) -> None:
        super().__init__(spec, canvas)
        self.shift, self.scale, self.rotate = spec.shift_range, spec.scale_range, spec.rotate_range
        self.border = spec.border_mode
        self.fill = canvas.levels(spec.fill).to(torch.float32).view(-1, 1, 1)
        self.columns = (torch.arange(canvas.width) - (canvas.width - 1) / 2).to(canvas.device)  # from the centre
        self.rows = (torch.arange(canvas.height) - (canvas.height - 1) / 2).to(canvas.device)

    def parameters(self, uniform: Uniform) -> tuple[NDArray[Any], ...]:
        """(n, 2, 3): the place (x, y, 1) in the result, from the centre, to the place (x, y) in the image."""
        x = between(uniform[:, 0], self.shift) * self.canvas.width
        y = between(uniform[:, 1], self.shift) * self.canvas.height
        zoom = 1.0 + between(uniform[:, 2], self.scale)
        angle = np.radians(between(uniform[:, 3], self.rotate))
        cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
        rows = [[cos, -sin, sin * y - cos * x], [sin, cos, -sin * x - cos * y]]
        return (np.array(rows, np.float32).transpose(2, 0, 1),)

    def apply(self, pixels: Tensor, *parameters: Tensor) -> Tensor:
        (maps,) = parameters
        # no matrix product: its last bits depend on how many images there are
        columns = maps[..., :1] * self.columns + maps[..., 2:]
        rows = maps[..., 1:2] * self.rows
        places = (columns.unsqueeze(2) + rows.unsqueeze(3)).permute(0, 2, 3, 1)
        # planes of one channel each: grid_sample is slower over channels that lie beside each other
        images = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        if self.border == "wrap":
            images, places = _wrapped(images, places)
        if self.border == "constant":
            images -= self.fill
        single = self.border == "constant" and 1 in images.shape[2:]  # the one pixel lies between no two centres
        found = _sample(images, places, _PADDING.get(self.border, "zeros"), self.border != "reflect" and not single)
        if self.border == "constant":
            found += self.fill
        return found.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _sample(images: Tensor, places: Tensor, padding: str, between_centres: bool) -> Tensor:
    """`places` (b, h, w, 2) are (x, y) in pixels from the centre.

    `reflect_101` mirrors at the centres of the outermost pixels, `reflect` at their outer edges.
    """
    height, width = images.shape[2:]
    sides = torch.tensor([width, height], dtype=torch.float32, device=images.device)
    scale = 2.0 / ((sides - 1).clamp_(min=1.0) if between_centres else sides)
    return functional.grid_sample(images, places * scale, "bilinear", padding, between_centres)


def _wrapped(images: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """The images with their first row and column once more at the end, and the places brought inside."""
    height, width = images.shape[2:]
    sides = torch.tensor([width, height], dtype=torch.float32, device=images.device)
    inside = (places + (sides - 1) / 2).remainder(sides)
    images = torch.cat((images, images[:, :, :1]), 2)
    return torch.cat((images, images[..., :1]), 3), inside - sides / 2
