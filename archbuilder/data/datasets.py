"""A `data:` section -> arrays: finds the data set, checks it against the network, cuts the validation split."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from archbuilder.data import digits, image_folder, known_datasets, npz
from archbuilder.data.arrays import Images, Splits, cut_by_class, statistics, subset_by_class
from archbuilder.data.prepared import Prepared, data_folder
from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.spec.data import BATCH, SUBSET, Data, problems

VALIDATION = declare(
    "AB611",
    "a validation split that cannot be made",
    why=(
        "The validation split is cut from the training images, the same share of every class, and both parts need "
        "images."
    ),
    bad="$ archbuilder train net.yaml --no-report --set data.validation=0.0001",
    good="$ archbuilder train net.yaml --no-report --set data.validation=0.1",
)


def load(
    spec: Data,
    input_shape: tuple[int, int, int],
    classes: int | None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> Splits:
    """The images that a `data:` section names, ready for a network.

    input_shape: the network's (channels, height, width).
    classes:     the network's, None to take them from the data.
    data_dir:    where prepared data sets are kept, instead of the user's cache folder.
    seed:        decides which images a subset and the validation split get.

    Raises ArchbuilderError AB601 to AB640, every one at its place in the `data:` section.
    """
    _fits(spec, input_shape, classes)
    splits = _with_validation(spec, _subset(spec, _read(spec, input_shape, classes, data_dir), seed), seed)
    images = len(splits.train)
    if spec.batch_size > images and "batch_size" in spec.model_fields_set:  # a default may be too large
        message = f"batch_size: {spec.batch_size} is more than the number of training images, {images:,}"
        raise ArchbuilderError(BATCH.at(spec.span("batch_size"), message, f"set batch_size: {images} or less"))
    return splits


def ready(
    spec: Data,
    input_shape: tuple[int, int, int],
    classes: int | None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    skip_corrupt: bool = False,
) -> Prepared | None:
    """Prepare what `load` would prepare, and say where; None for a data set that needs no preparation.

    skip_corrupt: leave out image files that cannot be read.  Raises as `load`.
    """
    _fits(spec, input_shape, classes)
    root, place = data_folder(data_dir), spec.span("dataset")
    if spec.dataset in known_datasets.KNOWN:
        return known_datasets.load(spec.dataset, root, place)
    path = _locate(spec)
    if spec.dataset == digits.NAME or path.suffix.lower() == ".npz":
        return None
    return image_folder.load(path, input_shape, classes, root, place, skip_corrupt)


def _fits(spec: Data, shape: tuple[int, int, int], classes: int | None) -> None:
    found = [problem for problem in problems(spec, shape, classes) if problem.severity == "error"]
    if found:
        raise ArchbuilderError(*found)


def _read(
    spec: Data, shape: tuple[int, int, int], classes: int | None, data_dir: str | os.PathLike[str] | None
) -> Splits:
    if spec.dataset == digits.NAME:
        return digits.load(shape)
    prepared = ready(spec, shape, classes, data_dir=data_dir)
    if prepared is not None:
        return prepared.splits()
    place = spec.span("dataset")
    return npz.splits(npz.read(_locate(spec), place), shape, classes, place)


def _locate(spec: Data) -> Path:
    """A relative path counts from the folder of the YAML file; from the current one if only that has it."""
    path, place = Path(spec.dataset).expanduser(), spec.span("dataset")
    beside = path if place.is_option else Path(place.file).parent / path
    return path if path.exists() and not beside.exists() else beside


def _subset(spec: Data, splits: Splits, seed: int) -> Splits:
    """The splits with as many training images as the section asks for, their mean and their deviation."""
    if spec.subset is None:
        return splits
    images, labels = splits.train.images, splits.train.labels
    size = spec.subset if isinstance(spec.subset, int) else round(spec.subset * len(labels))
    least = len(np.unique(labels))
    if not least <= size <= len(labels):
        of = f" is {size:,} image{'s' * (size != 1)}" if size != spec.subset else ""
        message = f"subset: {spec.subset}{of}; the data set has {len(labels):,} training images of {least} classes"
        hint = f"use {least} to {len(labels):,} images, or remove subset:"
        raise ArchbuilderError(SUBSET.at(spec.span("subset"), message, hint))
    chosen = subset_by_class(labels, size, seed)
    train = Images(images[chosen], labels[chosen])
    mean, std = statistics(train.images)
    return replace(splits, train=train, mean=mean, std=std, subset_of=len(labels))


def _with_validation(spec: Data, splits: Splits, seed: int) -> Splits:
    if not spec.validation:
        return splits
    if splits.validation is not None:
        message = f"{spec.dataset} has its own validation split, {len(splits.validation):,} images"
        raise ArchbuilderError(VALIDATION.at(spec.span("validation"), message, "remove validation:"))
    images, labels = splits.train.images, splits.train.labels
    chosen = cut_by_class(labels, spec.validation, seed)
    if not 0 < len(chosen) < len(labels):
        message = f"validation: {spec.validation} of {len(labels)} training images is {len(chosen)} images"
        hint = "choose a share that leaves images in both parts"
        raise ArchbuilderError(VALIDATION.at(spec.span("validation"), message, hint))
    kept = np.setdiff1d(np.arange(len(labels)), chosen, assume_unique=True)
    return replace(
        splits,
        train=Images(images[kept], labels[kept]),
        validation=Images(images[chosen], labels[chosen]),
    )
