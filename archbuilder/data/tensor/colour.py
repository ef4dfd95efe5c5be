"""to_gray and color_jitter, with the rounding that OpenCV and albumentations do on images of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archbuilder.data.tensor.step import Canvas, Step, Uniform, between
from archbuilder.spec import augmentations as spec

HUES = 180  # places on the colour circle, as OpenCV's images of bytes have them; saturation has 256 levels

# planes: float32 (b, c, pixels) of whole levels; amount: float32 (b, 1, 1), each image's own
Planes = Tensor


class Gray(Step):
    """The luminance in all three channels."""

    def apply(self, pixels: Tensor, *parameters: Tensor) -> Tensor:
        return _pixels(_luminance(_planes(pixels)), pixels)


class Jitter(Step):
    """Brightness, contrast, saturation and hue, those that are named, in an order of each image's own."""

    def __init__(self, spec: spec.ColorJitter, canvas: Canvas) -> None:
        super().__init__(spec, canvas)
        colour = canvas.channels == 3
        turn = (HUES * spec.hue[0], HUES * spec.hue[1])
        changes: list[tuple[Callable[[Planes, Tensor], Planes], tuple[float, float], float]] = [
            (brightness, spec.brightness, 1.0),
            (contrast, spec.contrast, 1.0),
            *([(saturation, spec.saturation, 1.0), (hue, turn, 0.0)] if colour else []),
        ]
        self.changes = [(change, ends) for change, ends, neutral in changes if ends != (neutral, neutral)]
        self.numbers = 2 * len(self.changes)

    def parameters(self, uniform: Uniform) -> tuple[NDArray[Any], ...]:
        """(n, changes): how much of each change, and which change comes first, second ..."""
        count = len(self.changes)
        amounts = [between(uniform[:, place], ends) for place, (_, ends) in enumerate(self.changes)]
        order = np.argsort(uniform[:, count:], axis=1)
        return np.array(amounts, np.float32).reshape(count, len(uniform)).T, order

    def apply(self, pixels: Tensor, *parameters: Tensor) -> Tensor:
        amounts, order = parameters
        planes = _planes(pixels)
        for turn in range(len(self.changes)):
            for number, (change, _) in enumerate(self.changes):
                (members,) = (order[:, turn] == number).nonzero(as_tuple=True)
                amount = amounts[members, number].view(-1, 1, 1)
                planes.index_copy_(0, members, change(planes.index_select(0, members), amount))
        return _pixels(planes, pixels)


def brightness(planes: Planes, amount: Tensor) -> Planes:
    """Every level times a factor."""
    return (planes * amount).clamp_(0, 255).floor_()


def contrast(planes: Planes, amount: Tensor) -> Planes:
    """Away from the mean luminance of the image, or towards it."""
    mean = (_luminance(planes) if planes.shape[1] == 3 else planes).mean(-1, keepdim=True)
    return (planes * amount + mean * (1 - amount)).clamp_(0, 255).floor_()


def saturation(planes: Planes, amount: Tensor) -> Planes:
    """Away from each pixel's luminance, or towards it."""
    return torch.lerp(_luminance(planes), planes, amount.expand_as(planes)).round_().clamp_(0, 255)


def hue(planes: Planes, amount: Tensor) -> Planes:
    """Around the colour circle by so many places."""
    red, green, blue = planes.unbind(1)
    value, least = planes.amax(1), planes.amin(1)
    spread = value - least
    sixth = torch.where(
        value == red,
        green - blue,
        torch.where(value == green, blue - red + 2 * spread, red - green + 4 * spread),
    ) / spread.clamp(min=1)
    place = (HUES / 6 * sixth + 0.5).floor_().remainder_(HUES)
    place = (place + amount.squeeze(1)).remainder_(HUES).floor_()
    strength = (255 * spread / value.clamp(min=1)).round_() / 255
    return torch.stack([_channel(number, place * 6 / HUES, strength, value) for number in (5, 3, 1)], 1)


def _channel(number: int, sixth: Tensor, strength: Tensor, value: Tensor) -> Tensor:
    """Red (5), green (3) or blue (1) of a hue in sixths of the circle.  Source: Smith 1978, HSV to RGB."""
    place = (number + sixth).remainder_(6)
    share = torch.minimum(place, 4 - place).clamp_(0, 1)
    return torch.round(value * (1 - strength * share))


def _luminance(planes: Planes) -> Tensor:
    """(b, 1, pixels) of whole levels.  Source: ITU-R BT.601."""
    red, green, blue = planes.split(1, 1)
    return torch.round(0.299 * red + 0.587 * green + 0.114 * blue)


def _planes(pixels: Tensor) -> Planes:
    return pixels.flatten(1, 2).transpose(1, 2).to(torch.float32, memory_format=torch.contiguous_format)


def _pixels(planes: Planes, like: Tensor) -> Tensor:
    """Planes as pixels (b, h, w, c); a single plane is copied into every channel, which may then be written to."""
    levels = planes.to(torch.uint8).expand(-1, like.shape[-1], -1)
    return levels.transpose(1, 2).reshape(like.shape).contiguous()
