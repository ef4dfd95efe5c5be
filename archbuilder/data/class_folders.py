"""Which file of a folder of images belongs to which class and which part of the data set."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archbuilder.data.npz import MISSING, path_hint
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare

FORM = declare(
    "AB618",
    "a folder of images with the wrong structure",
    why=(
        "Each class is a folder with its images, either below train and test (or val), or directly in the data folder. "
        "A class without images usually means that copying was interrupted."
    ),
    bad="$ mkdir -p photos/cat photos/dog\n$ archbuilder train net.yaml --set data.dataset=./photos --set classes=2",
    good="""\
$ python photos.py
$ archbuilder train net.yaml --set data.dataset=./photos --set classes=2""",
)

TEST_SHARE = 0.2  # of each class, where there is no test folder
PARTS = {"train": ("train", "training"), "test": ("test", "testing"), "validation": ("val", "valid", "validation")}
SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".webp", ".avif", ".tif",
    ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".jp2", ".j2k",
)  # fmt: skip
SYSTEM = ("thumbs.db", "desktop.ini")  # what a file manager leaves in any folder
NAMED = 5  # endings or folders that a sentence names


@dataclass(frozen=True)
class File:
    """An image file of a part of the data set; `name` is its path below the data set's folder."""

    name: str
    part: str
    label: int


@dataclass(frozen=True)
class Listing:
    """A folder's classes in the order of their names, its image files in the order of theirs.

    left_out: how many other files there are in the class folders, by their endings in small letters.
    beside:   folders beside those of train and test.
    alike:    folders that are found in every class: then the classes may be parts under other names.
    """

    classes: tuple[str, ...]
    beside: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    files: list[File] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def notes(self) -> list[str]:
        """What to know of the folder before training on it, in sentences."""
        notes = []
        if self.beside:
            notes.append(f"ignored, because they are beside the parts of the data set: {_some(self.beside)}")
        if self.alike:
            found = f"the classes {_some(self.classes)} contain the same folders: {_some(self.alike)}"
            notes.append(f"{found}; if they are parts of the data set, call them train and test")
        if count := self.left_out.total():
            kinds = [f"{number:,} {ending or 'without an ending'}" for ending, number in self.left_out.most_common()]
            notes.append(f"left out because their names are not those of images: {count:,} files ({_some(kinds)})")
        return notes


def listed(folder: Path, place: Span) -> Listing:
    """What lies in a folder of images.

    Raises ArchbuilderError AB603 (not there, or closed), or AB618 with all that is wrong with the folder.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise ArchbuilderError(MISSING.at(place, f"{folder.absolute()} {what}", path_hint(place)))
    try:
        return _listed(folder, place)
    except OSError as error:
        message = f"{error.filename or folder} cannot be read: {error.strerror or error}"
        raise ArchbuilderError(MISSING.at(place, message, "check its permissions")) from None


def _listed(folder: Path, place: Span) -> Listing:
    problems: list[Diagnostic] = []
    parts, beside = _parts(folder, place, problems)
    if problems and not parts:
        raise ArchbuilderError(*problems)
    tops = _folders(parts.get("train", folder))
    found = Listing(tuple(path.name for path in tops), beside, () if parts else _alike(tops))
    if len(found.classes) < 2:
        there = f"one class, {found.classes[0]}" if found.classes else "no class"
        message = f"{parts.get('train', folder)} has {there}: a class is a folder of images"
        problems.append(FORM.at(place, message, "make one folder per class, for example photos/cat and photos/dog"))
    for part, top in parts.items() if parts else [("", folder)]:
        for path in _folders(top):
            if path.name not in found.classes:
                message = f"{top.name} has the class {path.name}, but {parts['train'].name} does not"
                problems.append(FORM.at(place, message, "both need the same class folders"))
                continue
            names = list(_images(path, folder, found.left_out))
            if len(names) < (1 if part else 2):
                message = f"{path.relative_to(folder)} of {folder} has {'only one image' if names else 'no images'}"
                hint = "add images to it, or remove the folder"
                problems.append(FORM.at(place, message, hint))
            kept = set() if part else _test_names(names)
            label = found.classes.index(path.name)
            found.files.extend(File(name, part or ("test" if name in kept else "train"), label) for name in names)
    if problems:
        raise ArchbuilderError(*problems)
    return found


def _parts(folder: Path, place: Span, problems: list[Diagnostic]) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The folders of train, test and validation, and the names of those beside them; none where classes stand alone.

    A part is a folder of class folders, its name in small or capital letters.  A folder `train` that has no folders,
    or stands among others without a test or val, is a class of that name."""
    tops = _folders(folder)
    with_folders = [top for top in tops if _folders(top)]
    parts = {part: [top for top in with_folders if top.name.lower() in names] for part, names in PARTS.items()}
    others = [top for top in tops if not any(top in named for named in parts.values())]
    train, held_out = parts["train"], parts["test"] or parts["validation"]
    if not train and held_out and len(others) < 2:
        hint = "add a folder train with the same classes, or keep only class folders: a fifth of each is then the test"
        problems.append(FORM.at(place, f"{folder} has {held_out[0].name}, but no train", hint))
    if not train or (others and not held_out):
        return {}, ()
    for named in parts.values():
        if len(named) > 1:
            both = " and ".join(top.name for top in named)
            problems.append(FORM.at(place, f"{folder} has {both}, which mean the same part", "put them together"))
    if not held_out:
        hint = "add a folder test, or move the classes out of train: a fifth of each class is then kept for the test"
        problems.append(FORM.at(place, f"{folder} has {train[0].name}, but neither test nor val", hint))
    if not parts["test"]:
        parts["test"], parts["validation"] = parts["validation"], []
    return {part: named[0] for part, named in parts.items() if named}, tuple(top.name for top in others)


def _alike(tops: Sequence[Path]) -> tuple[str, ...]:
    """The names of the folders in some folders, where there are two or more in each and the same in all."""
    inner = {tuple(path.name for path in _folders(top)) for top in tops}
    names = inner.pop() if len(inner) == 1 else ()
    return names if len(names) > 1 else ()


def _folders(top: Path) -> list[Path]:
    return sorted(path for path in top.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(top: Path, folder: Path, left_out: Counter[str]) -> Iterator[str]:
    """Image files of a class folder and the folders in it, as paths below the data set's; others are counted."""

    def closed(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(top, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or name.lower() in SYSTEM:
                continue
            if name.lower().endswith(SUFFIXES):
                yield Path(place, name).relative_to(folder).as_posix()
            else:
                left_out[Path(name).suffix.lower()] += 1


def _test_names(names: Sequence[str]) -> set[str]:
    """A fixed share of a class, chosen by the files' names alone: few change sides when images are added."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ordered[: max(1, round(TEST_SHARE * len(names)))])


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
