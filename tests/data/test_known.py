"""Data sets known by name, from files as torchvision stores them: its own readers read what is written here."""

from __future__ import annotations

import hashlib
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archbuilder.data import known_datasets
from archbuilder.data.datasets import load
from archbuilder.data.prepared import verify
from archbuilder.diagnostics import Span
from archbuilder.spec.data import DATASETS

HERE = Span("net.yaml", 3, 1)
TRAIN, TEST = 120, 110
Arrays = dict[str, np.ndarray]


def content(name: str) -> Arrays:
    """Random images (n, h, w, c) and labels as many as small tests need."""
    (c, h, w), classes = DATASETS[name]
    random = np.random.default_rng(len(name))
    counts = {"train": TRAIN, "test": TEST}
    images = {f"x_{part}": random.integers(0, 256, (count, h, w, c), np.uint8) for part, count in counts.items()}
    return images | {f"y_{part}": np.arange(count) % classes for part, count in counts.items()}


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar(folder: Path, arrays: Arrays, monkeypatch: pytest.MonkeyPatch, fine: bool) -> None:
    """Pickles of rows of 3072 bytes, channel by channel, with labels under `labels` or `fine_labels`."""
    from torchvision.datasets import CIFAR10, CIFAR100

    reader, key = (CIFAR100, "fine_labels") if fine else (CIFAR10, "labels")
    base = folder / reader.base_folder
    base.mkdir(parents=True)
    names = {"train": [entry[0] for entry in reader.train_list], "test": [entry[0] for entry in reader.test_list]}
    for part, files in names.items():
        rows = arrays[f"x_{part}"].transpose(0, 3, 1, 2).reshape(-1, 3072)
        pieces = zip(
            files, np.array_split(rows, len(files)), np.array_split(arrays[f"y_{part}"], len(files)), strict=True
        )
        for file, images, labels in pieces:
            (base / file).write_bytes(pickle.dumps({"data": images, key: labels.tolist()}, protocol=2))
        monkeypatch.setattr(reader, f"{part}_list", [[file, md5(base / file)] for file in files])
    meta = {reader.meta["key"]: list(known_datasets.KNOWN["cifar100" if fine else "cifar10"].classes)}
    (base / reader.meta["filename"]).write_bytes(pickle.dumps(meta, protocol=2))
    monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": md5(base / reader.meta["filename"])})


def write_mnist(folder: Path, arrays: Arrays, name: str) -> None:
    """IDX: a magic number with type and number of axes, the length of each, then bytes.  LeCun et al. 1998."""
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        header = struct.pack(">4B3I", 0, 0, 8, 3, len(images), 28, 28)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">4BI", 0, 0, 8, 1, len(labels))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(header + labels.astype(np.uint8).tobytes())


def write_svhn(folder: Path, arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    """MATLAB files: X (h, w, c, n), y (n, 1) in which a 10 stands for the digit 0."""
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    folder.mkdir(parents=True)
    lists = {}
    for part in ("train", "test"):
        labels = np.where(arrays[f"y_{part}"] == 0, 10, arrays[f"y_{part}"]).astype(np.uint8)[:, None]
        url, file, _ = SVHN.split_list[part]
        savemat(folder / file, {"X": arrays[f"x_{part}"].transpose(1, 2, 3, 0), "y": labels})
        lists[part] = [url, file, md5(folder / file)]
    monkeypatch.setattr(SVHN, "split_list", lists)


@pytest.fixture
def stored(tmp_path, monkeypatch) -> Callable[[str], tuple[Path, Arrays]]:
    """stored("mnist") -> a folder with small files as torchvision would have left them, and what they hold."""

    def write(name: str) -> tuple[Path, Arrays]:
        folder, arrays = tmp_path / "torchvision", content(name)
        monkeypatch.setitem(
            known_datasets.KNOWN, name, replace(known_datasets.KNOWN[name], train=TRAIN, test=TEST, sha256={})
        )
        if name in ("mnist", "fashion_mnist"):
            write_mnist(folder, arrays, known_datasets.KNOWN[name].reader)
        elif name == "svhn":
            write_svhn(folder, arrays, monkeypatch)
        else:
            write_cifar(folder, arrays, monkeypatch, fine=name == "cifar100")
        return folder, arrays

    return write


def test_every_name_of_the_language_is_known():
    assert set(DATASETS) == {*known_datasets.KNOWN, "digits"}
    for name, each in known_datasets.KNOWN.items():
        shape, classes = DATASETS[name]
        assert (each.shape, len(each.classes), len(set(each.classes))) == (shape, classes, classes)


@pytest.mark.parametrize("name", known_datasets.KNOWN)
def test_torchvisions_folder_becomes_a_prepared_data_set(name, stored, section, tmp_path):
    folder, arrays = stored(name)
    prepared = known_datasets.import_folder(name, folder, tmp_path / "data", HERE)
    assert verify(prepared.folder, HERE) == []
    shape, classes = DATASETS[name]
    splits = load(section(f"dataset: {name}"), shape, classes, data_dir=tmp_path / "data")
    for part in ("train", "test"):
        images = getattr(splits, part)
        assert np.array_equal(images.images, arrays[f"x_{part}"])
        assert np.array_equal(images.labels, arrays[f"y_{part}"])
        assert images.labels.dtype == np.int64
    assert splits.class_names == known_datasets.KNOWN[name].classes


def test_an_npz_as_keras_has_it(stored, section, tmp_path):
    _, arrays = stored("mnist")
    grey = {name: array[..., 0] if name[0] == "x" else array.astype(np.uint8) for name, array in arrays.items()}
    np.savez(tmp_path / "mnist.npz", **grey)
    known_datasets.import_npz("mnist", tmp_path / "mnist.npz", tmp_path / "data", HERE)
    splits = load(section("dataset: mnist"), (1, 28, 28), 10, data_dir=tmp_path / "data")
    assert np.array_equal(splits.test.images, arrays["x_test"])


def test_what_is_downloaded_is_prepared(stored, section, tmp_path, monkeypatch):
    """All but the transfer itself: torchvision finds the files in place, as it does after a download."""
    import shutil

    from torchvision.datasets import MNIST

    folder, arrays = stored("mnist")
    monkeypatch.setattr(MNIST, "download", lambda self: shutil.copytree(folder, self.root, dirs_exist_ok=True))
    splits = load(section("dataset: mnist"), (1, 28, 28), 10, data_dir=tmp_path / "data")
    assert np.array_equal(splits.train.images, arrays["x_train"])
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mnist"]


def truncate(folder: Path) -> None:
    path = next(folder.rglob("train*images*"))
    path.write_bytes(path.read_bytes()[:5000])


def relabel(folder: Path) -> None:
    path = next(folder.rglob("t10k*labels*"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")


DAMAGE = {
    "truncated": (truncate, "AB604", "does not contain mnist as torchvision stores it"),
    "label": (relabel, "AB609", "y_test has labels from 0 to 11"),
    "gone": (lambda folder: next(folder.rglob("t10k*labels*")).unlink(), "AB604", "Dataset not found"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder(stored, tmp_path, rejected, damage):
    folder, _ = stored("mnist")
    break_it, code, words = DAMAGE[damage]
    break_it(folder)
    with rejected() as found:
        known_datasets.import_folder("mnist", folder, tmp_path / "data", HERE)
    assert [d.code.id for d in found] == [code]
    assert words in found[0].message
    assert "download=True" not in str(found[0])
    assert not (tmp_path / "data").exists()


def test_a_folder_of_another_data_set(stored, tmp_path, rejected):
    folder, _ = stored("mnist")
    with rejected() as found:
        known_datasets.import_folder("svhn", folder, tmp_path / "data", HERE)
    assert [d.code.id for d in found] == ["AB604"]
    with rejected() as found:
        known_datasets.import_folder("svhn", tmp_path / "nowhere", tmp_path / "data", HERE)
    assert [d.code.id for d in found] == ["AB603"]


def test_fewer_images_than_there_should_be(stored, tmp_path, rejected, monkeypatch):
    folder, _ = stored("mnist")
    monkeypatch.setitem(known_datasets.KNOWN, "mnist", replace(known_datasets.KNOWN["mnist"], train=60_000))
    with rejected() as found:
        known_datasets.import_folder("mnist", folder, tmp_path / "data", HERE)
    assert [d.code.id for d in found] == ["AB609"]
    assert "x_train is uint8 [120, 28, 28, 1], not [60000, 28, 28, 1]" in found[0].message
