"""A `data:` section -> arrays: finds the data set, checks it against the network, cuts the validation split."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from archbuilder.data import cifar10, digits, npz
from archbuilder.data.arrays import Images, Splits, cut_by_class
from archbuilder.data.prepared import data_folder
from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.spec.data import Data, problems

VALIDATION = declare("AB611", "a validation split that leaves nothing")


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
    seed:        decides which images the validation split gets.

    Raises ArchbuilderError AB601 to AB612, every one at its place in the `data:` section.
    """
    found = [problem for problem in problems(spec, input_shape, classes) if problem.severity == "error"]
    if found:
        raise ArchbuilderError(*found)
    splits = _read(spec, input_shape, classes, data_dir)
    return _with_validation(spec, splits, seed)


def _read(
    spec: Data, shape: tuple[int, int, int], classes: int | None, data_dir: str | os.PathLike[str] | None
) -> Splits:
    place = spec.span("dataset")
    if spec.dataset == digits.NAME:
        return digits.load(shape)
    if spec.dataset == cifar10.NAME:
        return cifar10.load(data_folder(data_dir), place).splits()
    return npz.splits(npz.read(_locate(spec), place), shape, classes, place)


def _locate(spec: Data) -> Path:
    """A relative path counts from the YAML file's folder, else from the current one."""
    path = Path(spec.dataset).expanduser()
    beside = Path(spec.span("dataset").file).parent / path
    return beside if beside.exists() else path


def _with_validation(spec: Data, splits: Splits, seed: int) -> Splits:
    if not spec.validation:
        return splits
    images, labels = splits.train.images, splits.train.labels
    chosen = cut_by_class(labels, spec.validation, seed)
    if not 0 < len(chosen) < len(labels):
        message = f"validation: {spec.validation} of {len(labels)} training images is {len(chosen)} images"
        hint = "choose a share that leaves images on both sides"
        raise ArchbuilderError(VALIDATION.at(spec.span("validation"), message, hint))
    kept = np.setdiff1d(np.arange(len(labels)), chosen, assume_unique=True)
    return replace(
        splits,
        train=Images(images[kept], labels[kept]),
        validation=Images(images[chosen], labels[chosen]),
    )
