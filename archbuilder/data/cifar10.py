"""CIFAR-10: 60,000 photographs of 32x32 in 10 classes (Krizhevsky 2009), prepared once."""

from __future__ import annotations

import http.client
import socket
import tempfile
from pathlib import Path

import numpy as np

from archbuilder.data import npz
from archbuilder.data.packages import INSTALL, missing
from archbuilder.data.prepared import MANIFEST, Arrays, Prepared, open_prepared, prepare, sha256
from archbuilder.diagnostics import ArchbuilderError, Span, declare

DOWNLOAD = declare("AB607", "a download that failed", exit_status=2)
FOREIGN = declare("AB609", "a file that is not the data set it is said to be")

NAME = "cifar10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# of the values in C order: uint8 (n, 32, 32, 3), int64 (n,), in the official order of the batches
SHA256 = {
    "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
    "y_train": "f5cfe00b0f00968c0cc5ff3b1d2de51b10e33efa277c2986f4e0fa63e58c9f4f",
    "x_test": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
    "y_test": "cbb7365de8ed11f05cc4c3a1e7f78144127c5e851efd83762fb18202461230bb",
}
IMPORT_HINT = f"`archbuilder data import {NAME} --npz FILE` takes an .npz with x_train, y_train, x_test, y_test"
SECONDS_OF_SILENCE = 30.0  # after which a download counts as failed


def load(root: Path, place: Span) -> Prepared:
    """The prepared data set, downloaded first where there is none.

    Raises ArchbuilderError AB607 (download), AB608 (damaged), AB610 (cannot write), AB612 (no torchvision).
    """
    folder = root / NAME
    return open_prepared(folder, place) if (folder / MANIFEST).exists() else download(root, place)


def import_npz(path: Path, root: Path, place: Span) -> Prepared:
    """Take the data set from an .npz, if its content is CIFAR-10's.  Raises AB603, AB604, AB605, AB609, AB610."""
    return _store(npz.read(path, place), root, path.name, place)


def download(root: Path, place: Span) -> Prepared:
    """Fetch the data set with torchvision and prepare it."""
    try:
        from torchvision.datasets import CIFAR10
    except ImportError as error:
        raise missing(f"{NAME} comes through torchvision", error, place, f"{INSTALL}; or {IMPORT_HINT}") from None
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_OF_SILENCE)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
            parts = {"train": CIFAR10(folder, train=True, download=True), "test": CIFAR10(folder, train=False)}
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        message = f"{NAME} could not be fetched from {CIFAR10.url} into {root}: {error}"
        hint = f"try again later, or without a network: {IMPORT_HINT}"
        raise ArchbuilderError(DOWNLOAD.at(place, message, hint)) from None
    finally:
        socket.setdefaulttimeout(before)
    arrays = {f"x_{name}": part.data for name, part in parts.items()}
    arrays |= {f"y_{name}": np.array(part.targets, np.int64) for name, part in parts.items()}
    return _store(arrays, root, CIFAR10.url, place)


def _store(arrays: Arrays, root: Path, source: str, place: Span) -> Prepared:
    wrong = [name for name, expected in SHA256.items() if sha256(arrays[name]) != expected]
    if wrong:
        found = "; ".join(f"{name} is {arrays[name].dtype} {list(arrays[name].shape)}" for name in wrong)
        message = f"{source} is not CIFAR-10: the SHA-256 of {', '.join(wrong)} differs ({found})"
        hint = "the official images, uint8 (n, 32, 32, 3), in the official order; other images: dataset: FILE.npz"
        raise ArchbuilderError(FOREIGN.at(place, message, hint))
    return prepare(root / NAME, arrays, CLASSES, source, place)
