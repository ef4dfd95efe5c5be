"""A folder of image files, one folder per class, made into a prepared data set at the network's size.

photos/train/cat/1.jpg, photos/test/cat/9.jpg    train beside test; a val beside both is the validation split,
                                                 without a test it is the test split
photos/cat/1.jpg, photos/dog/2.jpg               classes alone: a fifth of each is the test split
"""

from __future__ import annotations

import glob
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import sha256
from archbuilder.data.class_folders import FORM, File, Listing, listed
from archbuilder.data.decoding import UNREADABLE, picture, quiet
from archbuilder.data.prepared import MANIFEST, Prepared, open_prepared, prepare, unwritable
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.files import MAX_IMAGE, read_regular, write_whole
from archbuilder.spec.data import INPUT

CORRUPT = declare(
    "AB619",
    "image files that cannot be read",
    why=(
        "Broken files are reported by name before training begins. Whether to leave them out is your decision, because "
        "it changes the data set."
    ),
    bad="""\
$ python photos.py
$ echo broken > photos/cat/5.png
$ archbuilder data prepare net.yaml --set data.dataset=./photos --set classes=2""",
    good="""\
$ python photos.py
$ echo broken > photos/cat/5.png
$ archbuilder data prepare net.yaml --set data.dataset=./photos --set classes=2 --skip-corrupt""",
)

SEEN = "seen"  # a file beside the manifest: how the files were when they were read last
NAMED = 5  # files or classes that a message names
AT_ONCE = 512  # files that are read ahead
READER = 2  # version of the way in which image files become pixels; 1 scaled 16-bit images by their own maximum

Shape = tuple[int, int, int]  # channels, height, width


def load(
    folder: Path, shape: Shape, classes: int | None, root: Path, place: Span, skip_corrupt: bool = False
) -> Prepared:
    """The data set of a folder for a network's input, prepared where that has not been done.

    It is made anew when a file has come, gone or changed: in its content, whatever its time and size say.  So that not
    every start reads all files, a copy has a note of how they were when they were read last, with the time (ctime) that
    a change of any kind sets and nobody can set back.

    skip_corrupt leaves out the files that cannot be read; the manifest has their names under `skipped`.
    Raises ArchbuilderError AB601 (the network has other classes), AB603, AB608, AB610, AB612, AB617, AB618, AB619.
    """
    listing = listed(folder, place)
    names, files = listing.classes, listing.files
    if classes is not None and classes != len(names):
        shown = ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")
        message = f"{folder} has {len(names)} classes ({shown}), but the network has {classes}"
        raise ArchbuilderError(INPUT.at(place, message, f"set classes: {len(names)}"))
    stem, state = f"{folder.name or 'images'}-{'x'.join(map(str, shape))}", _state(folder, listing)
    for copy in root.glob(f"{glob.escape(stem)}-*"):
        if _seen(copy) == state and (copy / MANIFEST).exists():
            return open_prepared(copy, place)
    digests = _digests(folder, files)
    home = root / f"{stem}-{hashlib.sha256(repr((names, listing.notes, digests)).encode()).hexdigest()[:12]}"
    try:
        if (home / MANIFEST).exists():
            found = open_prepared(home, place)
            _note(home, state)
            return found
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".images-", dir=root) as temporary:
            arrays, skipped = _read(folder, files, shape, Path(temporary), place, skip_corrupt)
            if emptied := list(_emptied(folder, files, skipped, place)):
                raise ArchbuilderError(*emptied)
            remarks = {"skipped": skipped, "notes": listing.notes, "files": digests}
            found = prepare(home, arrays, names, str(folder.absolute()), place, remarks)
            _note(home, state)
            return found
    except OSError as error:
        raise ArchbuilderError(unwritable(home, error, place)) from None


def _state(folder: Path, listing: Listing) -> str:
    """What changes when a class or a file does, or the way in which files are read, as far as that is known without
    reading them: names, sizes, times."""
    digest = hashlib.sha256(repr((READER, listing.classes, listing.notes)).encode())
    for file in listing.files:
        with suppress(OSError):  # a broken link is reported with the files that cannot be read
            found = os.stat(folder / file.name)
            times = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            digest.update(repr((file.name, file.part, *times)).encode())
    return digest.hexdigest()


def _note(copy: Path, state: str) -> None:
    """Without the note, in a folder that is closed, all files are read at the next start, too."""
    with suppress(OSError):
        write_whole(copy / SEEN, state.encode())


def _seen(copy: Path) -> str:
    """The `_state` of the files when a prepared copy was last held against them."""
    try:
        return read_regular(copy / SEEN, 100).decode()
    except (OSError, ValueError):
        return ""


def _digests(folder: Path, files: Sequence[File]) -> dict[str, str]:
    """SHA-256 of each part: of its files' names and contents, as x_train, and of their labels, as y_train.

    Not of the pixels: another version of a decoder may read them otherwise by a bit.
    """
    images = {file.part: hashlib.sha256(repr(READER).encode()) for file in files}
    labels: dict[str, list[int]] = {part: [] for part in images}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for file, content in zip(files, threads.map(lambda file: _content(folder / file.name), files), strict=True):
            images[file.part].update(repr((file.name, content)).encode())
            labels[file.part].append(file.label)
    return {f"x_{part}": digest.hexdigest() for part, digest in images.items()} | {
        f"y_{part}": sha256(np.array(numbers, np.int64)) for part, numbers in labels.items()
    }


def _content(path: Path) -> str:
    """SHA-256 of a file; empty for one that cannot be read, which is reported when it is read as an image."""
    try:
        return hashlib.sha256(read_regular(path, MAX_IMAGE)).hexdigest()
    except OSError:
        return ""


def _read(
    folder: Path, files: Sequence[File], shape: Shape, temporary: Path, place: Span, skip_corrupt: bool
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The arrays of every part, the images as files in `temporary`; and the names of those that cannot be read."""
    channels, height, width = shape
    counts = {part: sum(file.part == part for file in files) for part in dict.fromkeys(file.part for file in files)}
    images = {
        part: np.lib.format.open_memmap(temporary / part, "w+", np.uint8, (count, height, width, channels))
        for part, count in counts.items()
    }
    labels: dict[str, list[int]] = {part: [] for part in counts}
    corrupt: list[Diagnostic] = []
    skipped = []
    with quiet():  # here, not in the threads that read
        for file, found in _pictures(folder, files, shape):
            if isinstance(found, Diagnostic):
                corrupt.append(found)
                skipped.append(file.name)
                continue
            images[file.part][len(labels[file.part])] = found
            labels[file.part].append(file.label)
    if corrupt and not skip_corrupt:
        raise ArchbuilderError(_corrupt(corrupt, skipped, len(files), place))
    arrays: dict[str, NDArray[Any]] = {}
    for part, numbers in labels.items():
        arrays |= {f"x_{part}": images[part][: len(numbers)], f"y_{part}": np.array(numbers, np.int64)}
    return arrays, skipped


def _emptied(folder: Path, files: Sequence[File], skipped: Sequence[str], place: Span) -> Iterator[Diagnostic]:
    """Every class of which a part has no image left."""
    gone = set(skipped)
    left = {(file.part, file.label) for file in files if file.name not in gone}
    one_of_each = {(file.part, file.label): file for file in reversed(files)}
    for kind in sorted(one_of_each.keys() - left):
        file = one_of_each[kind]
        message = f"no {file.part} image of {Path(file.name).parent} in {folder} can be read"
        yield FORM.at(place, message, "repair or add some, or remove the class folder")


def _pictures(
    folder: Path, files: Sequence[File], shape: Shape
) -> Iterator[tuple[File, NDArray[np.uint8] | Diagnostic]]:
    """Each file with its pixels (h, w, c), or with what is wrong with it; read by several threads, in order."""
    from tqdm import tqdm

    def read(file: File) -> NDArray[np.uint8] | Diagnostic:
        try:
            return picture(folder / file.name, shape)[0]
        except ArchbuilderError as error:
            if error.diagnostics[0].code.id != "AB616":
                raise  # not the file's fault
            return error.diagnostics[0]

    rest = iter(files)
    with (
        ThreadPoolExecutor(os.cpu_count()) as threads,
        tqdm(total=len(files), desc=folder.name, unit=" images", leave=False, disable=None) as bar,
    ):
        while chunk := list(islice(rest, AT_ONCE)):
            for pair in zip(chunk, threads.map(read, chunk), strict=True):
                bar.update()
                yield pair


def _corrupt(found: Sequence[Diagnostic], names: Sequence[str], count: int, place: Span) -> Diagnostic:
    first = [
        f"{name} ({each.message.removeprefix(UNREADABLE)})" for name, each in zip(names[:NAMED], found, strict=False)
    ]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    message = f"{len(names):,} of {count:,} image files cannot be read: {', '.join(first)}{more}"
    hint = "repair or remove them, or skip them: `archbuilder data prepare FILE.yaml --skip-corrupt`"
    return CORRUPT.at(place, message, hint)
