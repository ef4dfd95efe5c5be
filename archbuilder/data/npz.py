"""Images from an .npz file: x_train, y_train, x_test, y_test, as numpy's `savez` and Keras write them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import Images, Splits, sha256, statistics
from archbuilder.data.prepared import ARRAYS
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.spec.data import INPUT

MISSING = declare(
    "AB603",
    "a data file that is missing or unreadable",
    exit_status=2,
    why=(
        "A relative path is looked up in the folder of the YAML file, then in the current folder. Neither has such a "
        "file, or it may not be read."
    ),
    bad="$ archbuilder train net.yaml --no-report --set data.dataset=images.npz",
    good="""\
$ python images.py
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
)
CORRUPT = declare(
    "AB604",
    "a data file that is truncated, damaged or not an .npz",
    why=(
        "An .npz is a zip archive of arrays. This file is truncated, damaged or something else; Python objects in it "
        "are refused, because reading them would run code."
    ),
    bad="""\
$ echo 'no archive' > images.npz
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
    good="""\
$ python images.py
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
)
ARRAY = declare(
    "AB605",
    "an array of a data file that is missing or has the wrong form",
    why=(
        "Training needs the arrays x_train, y_train, x_test and y_test: images as bytes from 0 to 255, and one label "
        "per image as a whole number. Floating-point images would be scaled a second time."
    ),
    bad="""\
$ python images.py float32
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
    good="""\
$ python images.py
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
)
LABELS = declare(
    "AB606",
    "labels that are not class numbers",
    why=(
        "Labels are class numbers that start at 0. Labels that start at 1, or more classes than the network has, would "
        "train the wrong outputs."
    ),
    bad="""\
$ python images.py uint8 1
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
    good="""\
$ python images.py
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
)

Arrays = dict[str, NDArray[Any]]


def read(path: Path, place: Span) -> Arrays:
    """The four arrays, well-formed: uint8 images (n, ...) of three or four axes, int64 labels (n,).

    Raises ArchbuilderError AB603, AB604, or AB605 with every array that is wrong.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not an ordinary file" if path.exists() else "does not exist"
        raise ArchbuilderError(MISSING.at(place, f"{path.absolute()} {what}", path_hint(place)))
    try:
        arrays = _load(path)
    except PermissionError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ArchbuilderError(MISSING.at(place, message, "check its permissions")) from None
    except Exception as error:  # whatever a file of any content makes readers of archives raise
        message = f"{path} cannot be read as an .npz: {_reason(error)}"
        hint = "copy or download it again, or write it again with numpy.savez_compressed"
        raise ArchbuilderError(CORRUPT.at(place, message, hint)) from None
    arrays = {name: _flat(name, array) for name, array in arrays.items()}
    problems = list(_malformed(arrays, path, place))
    if problems:
        raise ArchbuilderError(*problems)
    return {name: arrays[name].astype(np.int64, copy=False) if name[0] == "y" else arrays[name] for name in ARRAYS}


def path_hint(place: Span) -> str:
    """What to do about a path that leads nowhere."""
    start = "the current folder" if place.is_option else "the folder of the YAML file, then to the current one"
    return f"check the path: it is relative to {start}"


def _load(path: Path) -> Arrays:
    if not zipfile.is_zipfile(path):
        raise ValueError("it is truncated, or not an .npz file")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name in ARRAYS}


def _reason(error: BaseException) -> str:
    if isinstance(error, EOFError):
        return "it ends too early"
    if "encrypted" in str(error):
        return "it is encrypted"
    if isinstance(error, NotImplementedError):  # of zipfile
        return f"its compression is not supported by Python ({error})"
    if "allow_pickle" in str(error):  # numpy's words ask for a dangerous switch
        return "it contains Python objects instead of plain arrays"
    return str(error) or type(error).__name__


def _flat(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Labels of shape (n, 1), as Keras stores CIFAR's, are labels of shape (n,)."""
    return array[:, 0] if name[0] == "y" and array.ndim == 2 and array.shape[1] == 1 else array


def _malformed(arrays: Arrays, path: Path, place: Span) -> Iterator[Diagnostic]:
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        message = f"{path} has no {', '.join(missing)}"
        yield ARRAY.at(place, message, "an .npz needs x_train, y_train, x_test and y_test")
    for name, array in arrays.items():
        found = f"{name} of {path} is {array.dtype} {list(array.shape)}"
        if name[0] == "x" and array.dtype != np.uint8:
            yield ARRAY.at(place, f"{found}, images are uint8", _as_bytes(name, array))
        elif name[0] == "x" and (array.ndim not in (3, 4) or 0 in array.shape):
            yield ARRAY.at(place, f"{found}, images are (n, h, w, c), (n, c, h, w) or (n, h, w)", "reshape them")
        elif name[0] == "y" and array.ndim != 1:
            hint = f"store one class number per image{f': {name}.argmax(1)' if array.ndim == 2 else ''}"
            yield ARRAY.at(place, f"{found}, labels are (n,)", hint)
        elif name[0] == "y" and array.dtype.kind in "US":
            hint = "convert all labels together: names, numbers = numpy.unique(labels, return_inverse=True)"
            yield ARRAY.at(place, f"{found}, labels are whole numbers", hint)
        elif name[0] == "y" and array.dtype.kind not in "iu":
            yield ARRAY.at(place, f"{found}, labels are whole numbers", "store class numbers with astype(numpy.int64)")
    for part in ("train", "test"):
        images, labels = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
        if images is not None and labels is not None and images.ndim and labels.ndim and len(images) != len(labels):
            message = f"x_{part} of {path} has {len(images):,} images, y_{part} has {len(labels):,} labels"
            yield ARRAY.at(place, message, "store one label per image")


def _as_bytes(name: str, images: NDArray[Any]) -> str:
    """How images of another type become levels of 0..255, by the range that they have."""
    if images.dtype.kind not in "biuf" or not images.size:
        return "store levels of 0..255 as uint8"
    low, high = images.min(), images.max()
    if images.dtype.kind == "b":
        return f"store 255 * {name}.astype(numpy.uint8)"
    if not (np.isfinite(low) and low >= 0):
        return f"these values are from {low:.3g} to {high:.3g}: store the pixels before normalisation, 0..255 as uint8"
    if high <= 1:
        return f"these values are from {low:.3g} to {high:.3g}: store (255 * {name}).round().astype(numpy.uint8)"
    if high <= 255:
        return f"store {name}.round().astype(numpy.uint8)"
    if images.dtype == np.uint16:
        return f"store ({name} // 257).astype(numpy.uint8), if their white is 65,535; these go up to {high:,}"
    return f"store levels of 0..255 as uint8; these go from {low:.3g} to {high:.3g}"


def splits(arrays: Arrays, shape: tuple[int, int, int], classes: int | None, place: Span) -> Splits:
    """Arrays as `read` gives them -> Splits of (n, h, w, c).

    `shape` is the network's input (c, h, w).  Raises ArchbuilderError AB601 (another size or other
    channels), AB606 (labels out of range).
    """
    labels = [arrays["y_train"], arrays["y_test"]]
    images = {name: channels_last(arrays[name], shape) for name in ("x_train", "x_test")}
    problems = [_misfit(name, arrays[name], shape, place) for name, found in images.items() if found is None]
    problems += check_labels(dict(zip(("y_train", "y_test"), labels, strict=True)), classes, place)
    if problems:
        raise ArchbuilderError(*problems)
    x_train, x_test = (image for image in images.values() if image is not None)
    names = tuple(str(label) for label in range(classes or 1 + max(int(label.max()) for label in labels)))
    digests = {"x_train": sha256(x_train), "y_train": sha256(labels[0])}
    digests |= {"x_test": sha256(x_test), "y_test": sha256(labels[1])}
    return Splits(
        Images(x_train, labels[0]), Images(x_test, labels[1]), None, *statistics(x_train), names, digests=digests
    )


def channels_last(images: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    """A view as (n, h, w, c) of images that fit a network's input (c, h, w); None where they do not."""
    c, h, w = shape
    found: NDArray[np.uint8] | None = None
    if images.shape[1:] == (h, w, c):
        found = images
    elif images.shape[1:] == (c, h, w):
        found = images.transpose(0, 2, 3, 1)
    elif c == 1 and images.shape[1:] == (h, w):
        found = images[..., None]
    return found


def _misfit(name: str, images: NDArray[np.uint8], shape: tuple[int, int, int], place: Span) -> Diagnostic:
    message = f"{name} has shape {list(images.shape)}, but the network takes images of {list(shape)}"
    first, *_, last = sides = list(images.shape[1:]) if images.ndim == 4 else [1, *images.shape[1:]]
    own = [last, *sides[:2]] if last < first else sides  # the channels are fewer than the pixels of a side
    return INPUT.at(place, message, f"set input: {own}, or convert the images")


def check_labels(labels: Arrays, classes: int | None, place: Span) -> Iterator[Diagnostic]:
    """Labels count from 0 to classes - 1."""
    for name, array in labels.items():
        low, high = int(array.min()), int(array.max())
        if low < 0 or (classes is not None and high >= classes):
            limit = f"classes: {classes} takes 0 to {classes - 1}" if classes is not None else "they count from 0"
            hint = f"set classes: {high + 1}" if low >= 0 else "number the classes from 0"
            hint = "subtract 1: the classes are numbered from 0" if low == 1 and high == classes else hint
            yield LABELS.at(place, f"{name} has labels from {low} to {high}, {limit}", hint)
