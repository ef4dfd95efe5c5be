"""The augmentation of a run as Python code that needs albumentations alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from archbuilder.data.augment_calls import OWN, Call, Constant, Levels, Size, calls
from archbuilder.exporters.python.formatting import INDENT, Argument, lines
from archbuilder.exporters.python.formatting import Call as Written
from archbuilder.spec import augmentations as spec
from archbuilder.spec.data import Data

VERSION = "2.0.8"
DIGITS = 8  # of a mean and a deviation in 0..1: less than float32 can tell apart


def augmentation_code(data: Data, mean: Sequence[float], std: Sequence[float], size: Size) -> str:
    """Source of `train_transforms` and `test_transforms`: uint8 images (h, w, c) -> normalised tensors (c, h, w).

    mean, std: of the data set, per channel in 0..255; size: height and width of the images.
    With the engine `tensor` it is the same augmentation said with albumentations; a comment says so.
    """
    levels: Levels = tuple(round(level) for level in mean)
    steps = calls(data.augment, size, levels)
    return "\n".join([*_head(data, steps), *_normalisation(data, mean, std), *_pipelines(steps, levels), ""])


def _head(data: Data, steps: Sequence[Call]) -> Iterator[str]:
    yield f"# albumentations {VERSION}"
    if data.engine == "tensor":
        yield "# The run itself did the same batch by batch, with torch: archbuilder's engine `tensor`."
    if any(isinstance(step, spec.HorizontalFlip) and step.alternate for step in data.augment):
        yield "# There each image was flipped in every other epoch, which albumentations cannot say."
    yield "import albumentations as A"
    if any(isinstance(value, Constant) for value in _values(steps)):
        yield "import cv2"
    yield "from albumentations.pytorch import ToTensorV2"
    yield ""
    if any(step.name == OWN for step in steps):
        yield from ("", *_own_class(), "", "")


def _own_class() -> Iterator[str]:
    """The source of the class that stands for albumentations' own, without types."""
    source = Path(__file__).parents[1].joinpath("data", "subpixel.py").read_text(encoding="utf-8")
    for line in source[source.index(f"class {OWN}") :].splitlines():
        yield line.partition("  # type:")[0].replace(": tuple[int, int]) -> dict[str, Any]", ")")


def _values(steps: Sequence[Call]) -> Iterator[Any]:
    for step in steps:
        yield from step.arguments.values()
        yield from _values(step.inner)


def _normalisation(data: Data, mean: Sequence[float], std: Sequence[float]) -> Iterator[str]:
    if data.normalize:
        yield "# of the training images, per channel, where black is 0 and white is 1"
    else:
        yield "# levels of 0 to 255 become 0 to 1"
        mean, std = [0.0] * len(mean), [255.0] * len(std)
    yield f"mean = {_shown(mean)}"
    yield f"std = {_shown(std)}"


def _pipelines(steps: Sequence[Call], mean: Levels) -> Iterator[str]:
    normal = Call("Normalize", {"mean": "mean", "std": "std"})
    for name, before in (("train", steps), ("test", ())):
        yield ""
        yield f"{name}_transforms = A.Compose("
        yield from _listed([*before, normal], INDENT, mean)
        yield ")"


def _shown(levels: Sequence[float]) -> str:
    return repr(tuple(round(level / 255.0, DIGITS) for level in levels))


def _listed(steps: Sequence[Call], indent: str, mean: Levels) -> Iterator[str]:
    """A list of transforms, one to a line or to a few; ToTensorV2 ends the outermost."""
    yield f"{indent}["
    for step in steps:
        if step.inner:
            yield f"{indent}{INDENT}A.{step.name}("
            yield from _listed(step.inner, indent + 2 * INDENT, mean)
            for name, value in step.arguments.items():
                yield f"{indent}{2 * INDENT}{name}={_value(value)},"
            yield f"{indent}{INDENT}),"
        else:
            arguments = tuple(
                Argument(name, _value(value), "mean of the training images, 0 to 255" if value == mean else "")
                for name, value in step.arguments.items()
            )
            name = step.name if step.name == OWN else f"A.{step.name}"
            yield from lines("", Written(name, arguments), indent + INDENT, ",")
    if indent == INDENT:
        yield f"{indent}{INDENT}ToTensorV2(),"
    yield f"{indent}]" if indent == INDENT else f"{indent}],"


def _value(value: Any) -> str:
    if isinstance(value, Constant):
        return f"cv2.{value.name}"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {_value(item)}' for key, item in value.items()) + "}"
    return value if isinstance(value, str) else repr(value)
