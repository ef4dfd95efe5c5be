"""Which file of a folder of images belongs to which class and which part of the data set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archbuilder.data.npz import MISSING, path_hint
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare

FORM = declare(
    "AB618",
    "a folder of images that has another form than expected",
    why=(
        "Each class is a folder with its images in it; they stand below train and test (or val), or by themselves. "
        "A class without images is more often a copy that broke off than what is meant."
    ),
    bad="$ mkdir -p photos/cat photos/dog\n$ archbuilder train net.yaml --set data.dataset=./photos --set classes=2",
    good="""\
$ python - <<'END'
from pathlib import Path
from PIL import Image
for name in ("cat", "dog"):
    Path("photos", name).mkdir(parents=True)
    for level in range(5):
        Image.new("L", (8, 8), level).save(f"photos/{name}/{level}.png")
END
$ archbuilder train net.yaml --set data.dataset=./photos --set classes=2""",
)

TEST_SHARE = 0.2  # of each class, where there is no test folder
TRAIN, TEST, VALIDATION = ("train", "training"), ("test",), ("val", "valid", "validation")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


@dataclass(frozen=True)
class File:
    """An image file of a part of the data set; `name` is its path below the data set's folder."""

    name: str
    part: str
    label: int


def listed(folder: Path, place: Span) -> tuple[tuple[str, ...], list[File]]:
    """The classes of a folder in the order of their names, and its image files in the order of theirs.

    Raises ArchbuilderError AB603, or AB618 with all that is wrong with the folder.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise ArchbuilderError(MISSING.at(place, f"{folder.absolute()} {what}", path_hint(place)))
    problems: list[Diagnostic] = []
    parts = _parts(folder)
    classes = tuple(path.name for path in _folders(parts.get("train", folder)))
    if "train" in parts and "test" not in parts:
        hint = "add a folder test, or leave train out: a fifth of each class is then kept for the test"
        problems.append(FORM.at(place, f"{folder} has {parts['train'].name}, but neither test nor val", hint))
    if len(classes) < 2:
        found = f"one class, {classes[0]}" if classes else "no class"
        message = f"{parts.get('train', folder)} has {found}: a class is a folder of images"
        problems.append(FORM.at(place, message, "make a folder for each class, as photos/cat and photos/dog"))
    files = []
    for part, top in parts.items() if parts else [("", folder)]:
        for path in _folders(top):
            if path.name not in classes:
                message = f"{top.name} has the class {path.name}, {parts['train'].name} does not"
                problems.append(FORM.at(place, message, "both need the same class folders"))
                continue
            names = list(_images(path, folder))
            if len(names) < (1 if part else 2):
                message = f"{path.relative_to(folder)} of {folder} has {'only one image' if names else 'no images'}"
                hint = "add images to it, or remove the folder"
                problems.append(FORM.at(place, message, hint))
            kept = set() if part else _test_names(names)
            label = classes.index(path.name)
            files += [File(name, part or ("test" if name in kept else "train"), label) for name in names]
    if problems:
        raise ArchbuilderError(*problems)
    return classes, files


def _parts(folder: Path) -> dict[str, Path]:
    """The folders of train, test and validation; none where the classes stand alone."""
    found = {
        part: next((folder / name for name in names if (folder / name).is_dir()), None)
        for part, names in (("train", TRAIN), ("test", TEST), ("validation", VALIDATION))
    }
    if found["train"] is None:
        return {}
    if found["test"] is None:
        found["test"], found["validation"] = found["validation"], None
    return {part: path for part, path in found.items() if path is not None}


def _folders(top: Path) -> list[Path]:
    return sorted(path for path in top.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(top: Path, folder: Path) -> Iterator[str]:
    """Image files of a class folder and the folders in it, as paths below the data set's."""
    for place, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(place, name).relative_to(folder).as_posix()


def _test_names(names: Sequence[str]) -> set[str]:
    """A fixed share of a class, chosen by the files' names alone: few change sides when images are added."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ordered[: max(1, round(TEST_SHARE * len(names)))])
