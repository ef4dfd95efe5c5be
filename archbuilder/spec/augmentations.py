"""The `augment:` list as typed models. data/augment.py translates it for albumentations.

The names of albumentations 1 (`max_holes`, `fill_value`, `shift_limit` ...), which many courses use, are accepted with
their meaning there; each field may be given under one name only.
"""

from typing import Literal, TypeVar

from pydantic import Field, model_validator

from archbuilder.remedy import Change
from archbuilder.schema.family import Family
from archbuilder.schema.fields import Probability, SymmetricPadding, failure
from archbuilder.schema.model import Model
from archbuilder.spec.ranges import (
    Border,
    Count,
    DegreeRange,
    FactorRange,
    Fill,
    HueRange,
    OneCount,
    ScaleRange,
    ShiftRange,
    ordered,
)

Shape = tuple[int, int, int]  # channels, height, width
T = TypeVar("T")


def _one_spelling(default: T, **spelled: T | None) -> T:
    """The value of a field with several names."""
    given = {name: value for name, value in spelled.items() if value is not None}
    if len(given) > 1:
        raise failure(f"{' and '.join(given)} say the same thing", f"keep {next(iter(given))}")
    return next(iter(given.values()), default)


class Augmentation(Model):
    """A random change of one training image; evaluation never sees it."""

    p: Probability = Field(0.5, description="probability for each image")

    def misfit(self, shape: Shape) -> tuple[str, str]:
        """(message, hint) if it does not fit images of this shape (channels, height, width), else two empty texts."""
        return "", ""


def _fill_misfit(fill: Fill | None, shape: Shape) -> tuple[str, str]:
    if isinstance(fill, tuple) and len(fill) != shape[0]:
        return (
            f"fill has {len(fill)} levels, but the images have {shape[0]} channels",
            "write one level per channel, or mean",
        )
    return "", ""


def _border_misfit(fill: Fill | None, shape: Shape) -> tuple[str, str]:
    if shape[0] > 4 and not isinstance(fill, (float, type(None))):  # OpenCV's limit
        return (
            f"a border of {fill} is for up to 4 channels, but the images have {shape[0]}",
            "write one level, for example fill: 0",
        )
    return _fill_misfit(fill, shape)


class HorizontalFlip(Augmentation):
    """Mirrors left and right."""

    POSITIONAL = "p"

    alternate: bool = Field(
        False, description="flip half of the images in one epoch and the other half in the next; needs engine: tensor"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "HorizontalFlip":
        if self.alternate and "p" in self.model_fields_set:
            raise failure("p has no effect with alternate: true", "remove one of the two")
        return self


class VerticalFlip(Augmentation):
    """Mirrors top and bottom."""

    POSITIONAL = "p"


class ToGray(Augmentation):
    """Replaces the colours by their luminance, in all three channels."""

    POSITIONAL = "p"

    def misfit(self, shape: Shape) -> tuple[str, str]:
        """It needs red, green and blue."""
        return ("", "") if shape[0] == 3 else (f"the images have {shape[0]} channels, but to_gray needs 3", "remove it")


class ShiftScaleRotate(Augmentation):
    """Shifts, scales and rotates the image about its centre, each by a random amount; both axes are scaled equally."""

    shift: ShiftRange | None = Field(None, description="± a fraction of the side, or [low, high]; by default 0.0625")
    scale: ScaleRange | None = Field(None, description="± the scale factor minus 1, or [low, high]; by default 0.1")
    rotate: DegreeRange | None = Field(None, description="± degrees, or [low, high]; by default 45")
    shift_limit: ShiftRange | None = Field(None, description="albumentations' name of shift")
    scale_limit: ScaleRange | None = Field(None, description="albumentations' name of scale")
    rotate_limit: DegreeRange | None = Field(None, description="albumentations' name of rotate")
    border: Border | None = Field(
        None, description="what fills the border: by default reflect_101, or constant if fill is set"
    )
    fill: Fill | None = Field(None, description="mean, or levels 0..255, of a constant border")

    @property
    def shift_range(self) -> tuple[float, float]:
        """Smallest and largest shift, as a fraction of the side; each axis is drawn separately."""
        return _one_spelling((-0.0625, 0.0625), shift=self.shift, shift_limit=self.shift_limit)

    @property
    def scale_range(self) -> tuple[float, float]:
        """Smallest and largest scale factor minus 1; 0 keeps the size."""
        return _one_spelling((-0.1, 0.1), scale=self.scale, scale_limit=self.scale_limit)

    @property
    def rotate_range(self) -> tuple[float, float]:
        """Smallest and largest rotation in degrees."""
        return _one_spelling((-45.0, 45.0), rotate=self.rotate, rotate_limit=self.rotate_limit)

    @property
    def border_mode(self) -> Border:
        """The border that is used. By default it reflects as in albumentations 1; albumentations 2 would paint it
        black."""
        return self.border or ("reflect_101" if self.fill is None else "constant")

    @model_validator(mode="after")
    def _consistent(self) -> "ShiftScaleRotate":
        _ = self.shift_range, self.scale_range, self.rotate_range
        if self.fill is not None and self.border_mode != "constant":
            raise failure(f"fill has no effect with border: {self.border}", "remove one of the two")
        return self

    def misfit(self, shape: Shape) -> tuple[str, str]:
        """The border needs as many levels as the images have channels."""
        return _border_misfit(self.fill, shape)


class CoarseDropout(Augmentation):
    """Fills rectangular holes, each completely inside the image."""

    holes: Count | None = Field(None, description="number of holes, or [fewest, most]; by default 1")
    height: Count | None = Field(None, description="height of a hole in pixels, or [least, most]")
    width: Count | None = Field(None, description="width of a hole in pixels, or [least, most]")
    fill: Fill | None = Field(None, description="mean, or levels 0..255; by default 0")
    max_holes: OneCount | None = Field(None, description="albumentations' name of the largest number of holes")
    max_height: OneCount | None = Field(None, description="albumentations' name of the largest height")
    max_width: OneCount | None = Field(None, description="albumentations' name of the largest width")
    min_holes: OneCount | None = Field(None, description="albumentations' name; by default max_holes")
    min_height: OneCount | None = Field(None, description="albumentations' name; by default max_height")
    min_width: OneCount | None = Field(None, description="albumentations' name; by default max_width")
    fill_value: Fill | None = Field(None, description="albumentations' name of fill")
    mask_fill_value: None = Field(
        None, description="accepted and ignored, because many examples have it: there are no masks"
    )

    @property
    def holes_range(self) -> tuple[int, int]:
        """Fewest and most holes."""
        default = (1, 1) if self.min_holes is None else None
        return self._range("holes", self.holes, self.min_holes, self.max_holes, default)

    @property
    def height_range(self) -> tuple[int, int]:
        """Least and greatest height of a hole in pixels."""
        return self._range("height", self.height, self.min_height, self.max_height, None)

    @property
    def width_range(self) -> tuple[int, int]:
        """Least and greatest width of a hole in pixels."""
        return self._range("width", self.width, self.min_width, self.max_width, None)

    @property
    def filling(self) -> Literal["mean"] | float | tuple[float, ...]:
        """`mean`, one level, or one level per channel, in 0..255."""
        return _one_spelling(0.0, fill=self.fill, fill_value=self.fill_value)

    @staticmethod
    def _range(
        name: str, ours: tuple[int, int] | None, least: int | None, most: int | None, default: tuple[int, int] | None
    ) -> tuple[int, int]:
        if ours is not None and (least, most) != (None, None):
            raise failure(
                f"{name} and {'max' if most is not None else 'min'}_{name} say the same thing", f"keep {name}"
            )
        if most is not None:
            return ordered((most if least is None else least, most))
        if least is not None:
            raise failure(f"min_{name} stands without max_{name}", f"add max_{name}, or write {name}: [least, most]")
        if ours is None and default is None:
            raise failure(f"the field {name} is missing", f"add {name}: ...")
        return ours or default or (1, 1)

    @model_validator(mode="after")
    def _consistent(self) -> "CoarseDropout":
        given = self.model_fields_set
        missing = [name for name in ("height", "width") if not given & {name, f"min_{name}", f"max_{name}"}]
        if missing:
            hint = Change(dict.fromkeys(missing, "16"), say="write the size of a hole in pixels: {}", guess=True)
            what = f"fields {' and '.join(missing)} are" if len(missing) > 1 else f"field {missing[0]} is"
            raise failure(f"the {what} missing", hint)
        _ = self.holes_range, self.height_range, self.width_range, self.filling
        return self

    def misfit(self, shape: Shape) -> tuple[str, str]:
        """A hole must lie inside the image."""
        height, width = self.height_range[1], self.width_range[1]
        if height > shape[1] or width > shape[2]:
            return f"a hole of {height}x{width} is larger than the image, {shape[1]}x{shape[2]}", "make it smaller"
        return _fill_misfit(self.filling, shape)


class RandomCrop(Augmentation):
    """Pads every side, then crops a random window of the original size."""

    padding: SymmetricPadding = Field((4, 4), description="pixels on every side, or [height, width]")
    mode: Border = Field("constant", description="the values of padded pixels")
    fill: Fill | None = Field(None, description="mean, or levels 0..255, of a constant border; by default 0")
    p: Probability = Field(1.0, description="probability for each image")

    @model_validator(mode="after")
    def _consistent(self) -> "RandomCrop":
        if self.fill is not None and self.mode != "constant":
            raise failure(f"fill has no effect with mode: {self.mode}", "remove one of the two")
        return self

    def misfit(self, shape: Shape) -> tuple[str, str]:
        """The padding must be smaller than the image, so that every window shows a part of it."""
        if self.padding[0] >= shape[1] or self.padding[1] >= shape[2]:
            found = "x".join(map(str, self.padding))
            return f"padding {found} is as large as the image, {shape[1]}x{shape[2]}", "use less padding"
        return _border_misfit(self.fill, shape)


class ColorJitter(Augmentation):
    """Changes brightness, contrast, saturation and hue in random order; fields that are not given have no effect."""

    brightness: FactorRange = Field((1.0, 1.0), description="factor 1 ± this, or [low, high]")
    contrast: FactorRange = Field((1.0, 1.0), description="factor 1 ± this, or [low, high]")
    saturation: FactorRange = Field((1.0, 1.0), description="factor 1 ± this, or [low, high]")
    hue: HueRange = Field((0.0, 0.0), description="± a fraction of the colour circle, up to 0.5, or [low, high]")

    @model_validator(mode="after")
    def _consistent(self) -> "ColorJitter":
        if {self.brightness, self.contrast, self.saturation} == {(1.0, 1.0)} and self.hue == (0.0, 0.0):
            raise failure("color_jitter changes nothing", "add brightness, contrast, saturation or hue")
        return self

    @property
    def of_colour(self) -> list[str]:
        """The fields in use that have no effect on grey images."""
        return [
            name for name, still in (("saturation", (1.0, 1.0)), ("hue", (0.0, 0.0))) if getattr(self, name) != still
        ]

    def misfit(self, shape: Shape) -> tuple[str, str]:
        """It supports grey and colour images."""
        found = f"the images have {shape[0]} channels, but color_jitter needs 1 or 3"
        return ("", "") if shape[0] in (1, 3) else (found, "remove it")


AUGMENTATIONS = Family.of(
    "augmentation",
    {
        "horizontal_flip": HorizontalFlip,
        "vertical_flip": VerticalFlip,
        "shift_scale_rotate": ShiftScaleRotate,
        "coarse_dropout": CoarseDropout,
        "random_crop": RandomCrop,
        "to_gray": ToGray,
        "grayscale": ToGray,
        "color_jitter": ColorJitter,
    },
)
