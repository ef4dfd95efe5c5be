"""Data sets that are known by name."""

from __future__ import annotations

import http.client
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from archbuilder.data import npz
from archbuilder.data.arrays import sha256
from archbuilder.data.npz import CORRUPT, MISSING
from archbuilder.data.packages import INSTALL, missing
from archbuilder.data.prepared import ARRAYS, MANIFEST, Arrays, Prepared, open_prepared, prepare
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.spec.data import DATASETS

DIGITS = tuple("0123456789")
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FASHION_MNIST = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle
    bowl boy bridge bus butterfly camel can castle caterpillar cattle
    chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
    dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
    lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
    plain plate poppy porcupine possum rabbit raccoon ray road rocket
    rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
    train trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()
)


DOWNLOAD = declare(
    "AB607",
    "a download that failed",
    exit_status=2,
    why=(
        "The data set is downloaded once, by torchvision, from its official site, and the download failed. You can "
        "import a file that you already have instead."
    ),
    bad="$ archbuilder data download cifar10  # without a network",
    good="$ archbuilder data import cifar10 --npz cifar10.npz",
)
FOREIGN = declare(
    "AB609",
    "a file that is not the data set that it should be",
    why=(
        "Results on a well-known data set are compared with other people's results. So a file is accepted under such a "
        "name only if its content equals the official one."
    ),
    bad="""\
$ python images.py
$ archbuilder data import cifar10 --npz images.npz --data-dir data""",
    good="""\
$ python images.py
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz""",
)

SECONDS_OF_SILENCE = 30.0  # after which a download counts as failed


@dataclass(frozen=True)
class Known:
    """A data set: the class that reads it in torchvision.datasets, its size, its classes.

    sha256: of the values in C order: uint8 (n, h, w, c) and int64 (n,), in the official order; where nobody
    has measured them, sizes and the checksums that torchvision knows have to do.
    """

    name: str
    reader: str
    train: int
    test: int
    classes: tuple[str, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        shape, _ = DATASETS[self.name]
        assert shape is not None
        return shape


_CIFAR10_SHA256 = {
    "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
    "y_train": "f5cfe00b0f00968c0cc5ff3b1d2de51b10e33efa277c2986f4e0fa63e58c9f4f",
    "x_test": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
    "y_test": "cbb7365de8ed11f05cc4c3a1e7f78144127c5e851efd83762fb18202461230bb",
}
_MNIST_SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "e474323ac02fc156161b0bbb1f8c9cfeb327a74bcd9f9680a8385269a24f566c",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243",
}
KNOWN = {
    known.name: known
    for known in (
        Known("cifar10", "CIFAR10", 50_000, 10_000, CIFAR10, _CIFAR10_SHA256),  # Krizhevsky 2009
        Known("cifar100", "CIFAR100", 50_000, 10_000, CIFAR100),  # Krizhevsky 2009
        Known("mnist", "MNIST", 60_000, 10_000, DIGITS, _MNIST_SHA256),  # LeCun et al. 1998
        Known("fashion_mnist", "FashionMNIST", 60_000, 10_000, FASHION_MNIST),  # Xiao et al. 2017
        Known("svhn", "SVHN", 73_257, 26_032, DIGITS),  # Netzer et al. 2011, cropped digits
    )
}


def load(name: str, root: Path, place: Span) -> Prepared:
    """The prepared data set, downloaded first where there is none.

    Raises ArchbuilderError AB607 (download), AB608 (damaged), AB609 (something else came), AB610 (cannot
    write), AB612 (no torchvision).
    """
    folder = root / name
    return open_prepared(folder, place) if (folder / MANIFEST).exists() else download(name, root, place)


def import_npz(name: str, path: Path, root: Path, place: Span) -> Prepared:
    """Take a data set from an .npz, if its content is what it should be.  Raises AB603 to AB605, AB609, AB610."""
    return _store(KNOWN[name], npz.read(path, place), root, path.name, place)


def import_folder(name: str, folder: Path, root: Path, place: Span) -> Prepared:
    """Take a data set from a folder where torchvision has put it.  Raises AB603, AB604, AB609, AB610, AB612."""
    if not folder.is_dir():
        raise ArchbuilderError(MISSING.at(place, f"{folder} is not a folder", "check the path"))
    try:
        arrays = _read(KNOWN[name], folder, download=False, place=place)
    except ArchbuilderError:
        raise
    except Exception as error:  # torchvision's readers may raise anything for a damaged file
        reason = str(error).partition(" You can use")[0] or type(error).__name__  # torchvision advises in its own API
        message = f"{folder} does not contain {name} as torchvision stores it: {reason}"
        hint = f"name the folder that was given as root=, or download it again: `archbuilder data download {name}`"
        raise ArchbuilderError(CORRUPT.at(place, message, hint)) from None
    return _store(KNOWN[name], arrays, root, folder.name, place)


def download(name: str, root: Path, place: Span) -> Prepared:
    """Fetch a data set with torchvision and prepare it."""
    known = KNOWN[name]
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_OF_SILENCE)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
            arrays = _read(known, Path(folder), download=True, place=place)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        message = f"{name} could not be downloaded into {root}: {error}"
        hint = f"try again later, or import it: {_import_hint(name)}"
        raise ArchbuilderError(DOWNLOAD.at(place, message, hint)) from None
    finally:
        socket.setdefaulttimeout(before)
    return _store(known, arrays, root, f"torchvision.datasets.{known.reader}", place)


def _import_hint(name: str) -> str:
    files = "--folder DIR (as torchvision stores it) or --npz FILE (x_train, y_train, x_test, y_test)"
    return f"`archbuilder data import {name}` with {files}"


def _read(known: Known, folder: Path, download: bool, place: Span) -> dict[str, Any]:
    """The four arrays as torchvision gives them."""
    try:
        datasets = import_module("torchvision.datasets")
    except ImportError as error:
        hint = f"{INSTALL}; or {_import_hint(known.name)}"
        raise missing(f"{known.name} is downloaded by torchvision", error, place, hint) from None
    reader = getattr(datasets, known.reader)
    arrays = {}
    for part in ("train", "test"):
        which: dict[str, Any] = {"split": part} if known.name == "svhn" else {"train": part == "train"}
        found = reader(str(folder), download=download, **which)
        arrays[f"x_{part}"] = np.asarray(found.data)
        arrays[f"y_{part}"] = np.asarray(found.labels if known.name == "svhn" else found.targets, np.int64)
    return arrays


def _store(known: Known, arrays: Arrays, root: Path, source: str, place: Span) -> Prepared:
    """Prepare what has been read, once its checksums show that it is the data set.  Raises AB609, AB610."""
    stored = {}
    for name in ARRAYS:
        images = npz.channels_last(arrays[name], known.shape) if name[0] == "x" else None
        stored[name] = arrays[name] if images is None else images
    wrong = [f"{name} {problem}" for name in ARRAYS if (problem := _difference(known, name, stored[name]))]
    if wrong:
        message = f"{source} is not {known.name}: {'; '.join(wrong)}"
        hint = "use the official images in the official order; for other images write dataset: FILE.npz"
        raise ArchbuilderError(FOREIGN.at(place, message, hint))
    return prepare(root / known.name, stored, known.classes, source, place)


def _difference(known: Known, name: str, array: Any) -> str:
    """What an array has that the data set's own does not, in words; empty where it is the same."""
    c, h, w = known.shape
    count = known.train if name.endswith("train") else known.test
    shape = (count, h, w, c) if name[0] == "x" else (count,)
    if array.shape != shape:
        return f"is {array.dtype} {list(array.shape)}, not {list(shape)}"
    if name[0] == "y" and not set(np.unique(array)) <= set(range(len(known.classes))):
        return f"has labels from {array.min()} to {array.max()}"
    expected = known.sha256.get(name)
    return "has another SHA-256" if expected and sha256(array) != expected else ""
