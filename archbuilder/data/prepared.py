"""Prepared data sets: memory-mapped .npy arrays beside a manifest with their SHA-256.

A folder appears whole or not at all: it is written under another name and then renamed.
Opening one compares sizes and headers (milliseconds); `verify` reads every byte.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import Images, Splits, sha256, statistics
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, did_you_mean
from archbuilder.files import MAX_TEXT, cache_folder, read_regular, regular

DAMAGED = declare(
    "AB608",
    "a prepared data set that is damaged",
    why=(
        "A prepared data set has a manifest with sizes and checksums, and a file has changed since. Training on it "
        "would not be the training that is recorded."
    ),
    bad="""\
$ mkdir -p data/cifar10
$ echo '{}' > data/cifar10/manifest.json
$ archbuilder data verify --data-dir data""",
    good="$ archbuilder data verify --data-dir data",
)
ABSENT = declare(
    "AB613",
    "a data set that has not been prepared",
    exit_status=2,
    why="Only a data set that has been prepared can be verified; `archbuilder data list` shows them.",
    bad="$ archbuilder data verify cifar10 --data-dir data",
    good="$ archbuilder data list --data-dir data",
)
WRITE = declare(
    "AB610",
    "a data folder that cannot be written",
    exit_status=2,
    why=(
        "The folder for prepared data sets may not be written, or its disk is full. Files that were there before are "
        "unchanged."
    ),
    bad="$ archbuilder data download cifar10 --data-dir /full  # where no room is left",
    good="$ archbuilder data download cifar10 --data-dir /large",
)

MANIFEST = "manifest.json"
VERSION = 1
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
VALIDATION = ("x_validation", "y_validation")  # where the data set brings its own
ENVIRONMENT = "ARCHBUILDER_DATA_DIR"

Arrays = Mapping[str, NDArray[Any]]


def data_folder(override: str | os.PathLike[str] | None = None) -> Path:
    """Where prepared data sets are kept: the override, $ARCHBUILDER_DATA_DIR, or the user's cache folder."""
    chosen = override or os.environ.get(ENVIRONMENT)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return cache_folder() / "data"


@dataclass(frozen=True)
class Prepared:
    """A data set on disk; `arrays` are memory-mapped, read-only."""

    folder: Path
    arrays: dict[str, NDArray[Any]]
    manifest: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Size of the arrays on disk."""
        return sum(entry["bytes"] for entry in self.manifest["arrays"].values())

    def splits(self) -> Splits:
        """Train and test as they lie on disk."""
        arrays, facts = self.arrays, self.manifest
        train, test = Images(arrays["x_train"], arrays["y_train"]), Images(arrays["x_test"], arrays["y_test"])
        own = Images(*(arrays[name] for name in VALIDATION)) if VALIDATION[0] in arrays else None
        classes, notes = tuple(facts["classes"]), tuple(map(str, facts.get("notes", ())))
        digests = {name: entry["sha256"] for name, entry in facts["arrays"].items()} | facts.get("files", {})
        return Splits(train, test, own, tuple(facts["mean"]), tuple(facts["std"]), classes, notes, digests)


def prepare(
    folder: Path,
    arrays: Arrays,
    classes: tuple[str, ...],
    source: str,
    place: Span,
    remarks: Mapping[str, Any] | None = None,
) -> Prepared:
    """Write a data set to a folder, in place of whatever lies there, and open it.

    remarks: more that the manifest is to say, as plain data.
    Raises ArchbuilderError AB610 (no room, no permission); then what lay there before is untouched.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            fresh = Path(temporary, "fresh")
            fresh.mkdir()
            _write(fresh, arrays, {**(remarks or {}), "classes": classes, "source": source})
            _exchange(fresh, folder, Path(temporary, "old"))
    except OSError as error:
        raise ArchbuilderError(unwritable(folder, error, place)) from None
    return open_prepared(folder, place)


def unwritable(folder: Path, error: OSError, place: Span) -> Diagnostic:
    """What to say of a prepared data set that there is no room or no permission for."""
    message = f"{folder} cannot be written: {error.strerror or error}"
    hint = f"free some space, or choose another folder with --data-dir or {ENVIRONMENT}"
    return WRITE.at(place, message, hint)


def _write(folder: Path, arrays: Arrays, remarks: Mapping[str, Any]) -> None:
    mean, std = statistics(arrays["x_train"])
    entries = {}
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        with path.open("wb") as stream:
            np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
            os.fsync(stream.fileno())  # the rename that follows must not reach the disk before the content
        entries[name] = {"sha256": sha256(array), "bytes": path.stat().st_size, **_header(array)}
    manifest = {**remarks, "version": VERSION, "mean": mean, "std": std, "arrays": entries}
    with (folder / MANIFEST).open("w", encoding="utf-8") as stream:
        json.dump(manifest, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())


def _header(array: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": str(array.dtype), "shape": list(array.shape)}


def _exchange(fresh: Path, folder: Path, old: Path) -> None:
    """Put `fresh` where `folder` is, which moves to `old`; back again if that fails."""
    had_one = folder.exists()
    if had_one:
        os.rename(folder, old)
    try:
        os.rename(fresh, folder)
    except OSError:
        if had_one:
            os.rename(old, folder)
        elif folder.exists():
            return  # another process was faster, with the same content
        raise


def open_prepared(folder: Path, place: Span) -> Prepared:
    """A prepared data set, checked by sizes and headers.  Raises ArchbuilderError AB608."""
    try:
        manifest = json.loads(read_regular(folder / MANIFEST, MAX_TEXT))
        if manifest["version"] != VERSION:
            raise ValueError(f"{MANIFEST} has version {manifest['version']}, but this program reads version {VERSION}")
        names = [*ARRAYS, *(name for name in VALIDATION if name in manifest["arrays"])]
        arrays = {name: _open(folder, name, manifest["arrays"][name]) for name in names}
        prepared = Prepared(folder, arrays, manifest)
        _labels_in_range(prepared.splits())
        return prepared
    except (OSError, ValueError) as error:
        raise ArchbuilderError(_damaged(folder, str(error), place)) from None
    except (KeyError, TypeError, AttributeError):
        raise ArchbuilderError(_damaged(folder, f"{MANIFEST} does not have the expected form", place)) from None


def _labels_in_range(splits: Splits) -> None:
    for part in (splits.train, splits.test, splits.validation or splits.test):
        if part.labels.min() < 0 or part.labels.max() >= len(splits.class_names):
            raise ValueError(f"there are labels outside 0 to {len(splits.class_names) - 1}")


def _open(folder: Path, name: str, entry: dict[str, Any]) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    size = regular(path, sys.maxsize).stat().st_size  # mapped, not read
    if size != entry["bytes"]:
        raise ValueError(f"{path.name} has {size:,} bytes, {MANIFEST} says {entry['bytes']:,}")
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if _header(array) != {"dtype": entry["dtype"], "shape": entry["shape"]}:
        raise ValueError(f"{path.name} holds {array.dtype} {list(array.shape)}, not what {MANIFEST} says")
    return array


def verify(folder: Path, place: Span) -> list[Diagnostic]:
    """What is wrong with a prepared data set, after reading every byte; nothing if all is well."""
    try:
        prepared = open_prepared(folder, place)
    except ArchbuilderError as error:
        return list(error.diagnostics)
    entries = prepared.manifest["arrays"]
    bad = [name for name, array in prepared.arrays.items() if sha256(array) != entries[name]["sha256"]]
    return [_damaged(folder, f"{name}.npy does not have the SHA-256 of {MANIFEST}", place) for name in bad]


def _damaged(folder: Path, reason: str, place: Span) -> Diagnostic:
    hint = f"remove the folder {folder}; it is created again when it is needed, or by `archbuilder data import`"
    return DAMAGED.at(place, f"the prepared data set {folder.name} is damaged: {reason}", hint)


def absent(folder: Path) -> Diagnostic:
    """What to say of a prepared data set that is asked for by name and is not there."""
    known = did_you_mean(folder.name, names) if (names := [path.name for path in listing(folder.parent)]) else ""
    message = f"{folder.name} is not among the prepared data sets of {folder.parent}"
    return ABSENT.at(Span(folder.name), message, known or "`archbuilder data import` or `archbuilder data download`")


def listing(root: Path) -> list[Path]:
    """Folders below the data folder that hold, or should hold, a prepared data set."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
