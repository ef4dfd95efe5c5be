"""What albumentations is told for each augmentation of the language: said once, called here and printed there.

The arguments are those of albumentations 2.0.8; older names only warn there, and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from archbuilder.spec import augmentations as spec
from archbuilder.spec.ranges import Border, Fill

Levels = tuple[int, ...]
Size = tuple[int, int]
OWN = "Affine"  # the class of archbuilder.data.subpixel that stands for albumentations' own


class Constant(NamedTuple):
    """A name of OpenCV, such as BORDER_REFLECT."""

    name: str


@dataclass(frozen=True)
class Call:
    """A class and its arguments; `inner` are the transforms that it takes before them."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    inner: tuple[Call, ...] = ()


def calls(augmentations: Sequence[spec.Augmentation], size: Size, mean: Levels) -> list[Call]:
    """One call per augmentation, for images of a size (height, width); `mean` has a level per channel."""
    return [_CALLS[type(step)](step, size, mean) for step in augmentations]


def _flip(step: spec.HorizontalFlip, size: Size, mean: Levels) -> Call:
    return Call("HorizontalFlip", {"p": step.p})


def _flip_vertically(step: spec.VerticalFlip, size: Size, mean: Levels) -> Call:
    return Call("VerticalFlip", {"p": step.p})


def _to_gray(step: spec.ToGray, size: Size, mean: Levels) -> Call:
    return Call("ToGray", {"num_output_channels": 3, "p": step.p})


def _affine(step: spec.ShiftScaleRotate, size: Size, mean: Levels) -> Call:
    """`Affine` with one zoom for both axes: albumentations' ShiftScaleRotate stretches them apart."""
    low, high = step.scale_range
    border = step.border_mode
    arguments = {
        "translate_percent": {"x": step.shift_range, "y": step.shift_range},
        "scale": (1.0 + low, 1.0 + high),
        "rotate": step.rotate_range,
        "keep_ratio": True,
        "border_mode": _border(border),
    }
    fill = {"fill": _levels(step.fill, mean)} if border == "constant" else {}
    return Call(OWN, {**arguments, **fill, "p": step.p})


def _coarse_dropout(step: spec.CoarseDropout, size: Size, mean: Levels) -> Call:
    arguments = {
        "num_holes_range": step.holes_range,
        "hole_height_range": step.height_range,
        "hole_width_range": step.width_range,
        "fill": _levels(step.filling, mean),
    }
    return Call("CoarseDropout", {**arguments, "p": step.p})


def _random_crop(step: spec.RandomCrop, size: Size, mean: Levels) -> Call:
    height, width = step.padding
    fill = {"fill": _levels(step.fill, mean)} if step.mode == "constant" else {}
    pad = Call("Pad", {"padding": (width, height), "border_mode": _border(step.mode), **fill})
    return Call("Sequential", {"p": step.p}, (pad, Call("RandomCrop", {"height": size[0], "width": size[1]})))


def _color_jitter(step: spec.ColorJitter, size: Size, mean: Levels) -> Call:
    """Of grey images only what they have: albumentations would warn about the rest."""
    names = ("brightness", "contrast", "saturation", "hue")
    still = {"saturation": (1.0, 1.0), "hue": (0.0, 0.0)} if len(mean) == 1 else {}
    return Call("ColorJitter", {**{name: getattr(step, name) for name in names}, **still, "p": step.p})


_CALLS: dict[type[spec.Augmentation], Callable[[Any, Size, Levels], Call]] = {
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


def _border(name: Border) -> Constant:
    return Constant(f"BORDER_{name.upper()}")
