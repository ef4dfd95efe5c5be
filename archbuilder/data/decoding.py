"""Image files of any size and kind as a network takes its images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import MAX_IMAGE, regular

PICTURE = declare(
    "AB616",
    "an image file that cannot be read",
    why="The file is missing, damaged or not an image. The other files of the command are still processed.",
    bad="""\
$ archbuilder train net.yaml --no-report
$ echo broken > cat.png
$ archbuilder predict runs/net/* cat.png""",
    good="""\
$ archbuilder train net.yaml --no-report
$ python -c "from PIL import Image; Image.new('RGB', (300, 200)).save('cat.png')"
$ archbuilder predict runs/net/* cat.png""",
)
CHANNELS = declare(
    "AB617",
    "a network whose input no image file fits",
    why=(
        "Image files are grey or in colour: they have 1 or 3 channels. Store images with another number of channels as "
        "arrays in an .npz."
    ),
    bad="""\
$ python photos.py
$ archbuilder data prepare net.yaml --set data.dataset=./photos --set classes=2 --set 'input=[2, 8, 8]'""",
    good="""\
$ python photos.py
$ archbuilder data prepare net.yaml --set data.dataset=./photos --set classes=2 --set 'input=[3, 8, 8]'""",
)

UNREADABLE = "this cannot be read: "
PAPER = (255, 255, 255)  # what shows through a transparent image
# Pillow picks a reader by a file's content, whatever its name: these read pixels and start no other program
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
BITS_PER_SAMPLE = 258  # a tag of TIFF


class Unlevelled(ValueError):
    """An image of 32-bit numbers that are no levels of 0 to 255: which of them is white its file does not say."""


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of Pillow's: a large image is slow, not wrong, and what is wrong is raised.

    For the thread that others are started from: the filters of warnings belong to all of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def picture(path: Path, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """An image file as uint8 (h, w, c) for a network's input (c, h, w), and its own (width, height).

    It is turned upright as its EXIF data say, laid on white where it is transparent, cut to the shape of the
    input around its middle, and scaled with smoothing (bicubic).  An image of the right size stays as it is.
    Raises ArchbuilderError AB616 (missing, no image, damaged), AB617 (neither grey nor colour is wanted).
    """
    from PIL import Image, ImageOps

    channels, height, width = shape
    if channels not in (1, 3):
        message = f"the network takes images of {channels} channels, but an image file has 1 or 3"
        raise ArchbuilderError(CHANNELS.at(Span(str(path)), message, "evaluate it on its own data set"))
    try:
        with Image.open(regular(path, MAX_IMAGE), formats=_formats()) as file:
            upright = _opaque(ImageOps.exif_transpose(file), _bits(file))
            size = upright.size
            fitted = ImageOps.fit(upright, (width, height), method=Image.Resampling.BICUBIC)
            pixels = np.asarray(fitted.convert("L" if channels == 1 else "RGB"), np.uint8)
    except Exception as error:  # whatever a file of any content makes Pillow's many readers raise
        message, hint = f"{UNREADABLE}{_reason(error)}", _hint(path, error)
        raise ArchbuilderError(PICTURE.at(Span(str(path)), message, hint)) from None
    return pixels.reshape(height, width, channels), size


@cache
def _formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow reads."""
    from PIL import Image

    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _bits(file: Any) -> int:
    """How many bits a level of an open file has, as the file says; 0 where it says nothing: then white is 255."""
    if file.format == "TIFF":
        found = file.tag_v2.get(BITS_PER_SAMPLE, (1,))
        return int(found[0]) if file.mode.startswith("I;16") else 0
    return 16 if file.mode == "I" or file.mode.startswith("I;16") else 0


def _opaque(image: Any, bits: int) -> Any:
    """An image of any mode (an animation's first frame) as L or RGB; `bits` are those of a level over 8."""
    from PIL import Image

    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        levels = np.asarray(image, np.float64) * (255 / (2**bits - 1) if bits else 1)
        if not (levels.min() >= 0 and levels.max() <= 255) or (image.mode == "F" and levels.max() <= 1):
            raise Unlevelled(f"its levels go from {levels.min():.4g} to {levels.max():.4g}, not from 0 to 255")
        return Image.fromarray(levels.round().astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        layers = image.convert("RGBA")
        page = Image.new("RGB", image.size, PAPER)
        page.paste(layers, mask=layers.getchannel("A"))
        return page
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _hint(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"check the path; it is relative to the current folder, {Path.cwd()}"
    if isinstance(error, IsADirectoryError):
        return f"name the image files in it: {path / '*'}"
    if isinstance(error, PermissionError):
        return "check its permissions"
    if isinstance(error, Unlevelled):
        return "save it with 8 or 16 bits a level"
    return "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, PPM and TGA can be read"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, Unlevelled):
        return str(error)
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return "it is no image"
    return f"{error}" if isinstance(error, OSError) else f"{name}: {error}"
