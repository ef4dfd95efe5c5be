"""Prepared data sets: what is written is what is read, nothing half-written is ever seen, damage is told."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archbuilder.data import known_datasets, npz, prepared
from archbuilder.data.datasets import load
from archbuilder.data.decoding import picture
from archbuilder.data.known_datasets import CIFAR10
from archbuilder.data.prepared import MANIFEST, data_folder, open_prepared, prepare, verify
from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.modules import weights

HERE = Span("net.yaml", 3, 1)


@pytest.fixture
def small(monkeypatch):
    """40 + 20 images that pass for CIFAR-10: their checksums stand in for the official ones."""
    random = np.random.default_rng(1)
    content = {
        "x_train": random.integers(0, 256, (40, 32, 32, 3), np.uint8),
        "y_train": np.arange(40) % 10,
        "x_test": random.integers(0, 256, (20, 32, 32, 3), np.uint8),
        "y_test": np.arange(20) % 10,
    }
    sums = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in content.items()}
    monkeypatch.setitem(
        known_datasets.KNOWN, "cifar10", replace(known_datasets.KNOWN["cifar10"], train=40, test=20, sha256=sums)
    )
    return content


def test_what_is_written_is_what_is_read(small, tmp_path):
    folder = tmp_path / "new" / "cifar10"
    written = prepare(folder, small, CIFAR10, "a test", HERE)
    read = open_prepared(folder, HERE)
    for name, array in small.items():
        assert np.array_equal(read.arrays[name], array)
        assert isinstance(read.arrays[name], np.memmap)
        assert not read.arrays[name].flags.writeable
    splits = read.splits()
    assert splits.mean == pytest.approx(small["x_train"].mean((0, 1, 2)))
    assert splits.std == pytest.approx(small["x_train"].std((0, 1, 2)))
    assert splits.class_names[:2] == ("airplane", "automobile")
    assert written.bytes == sum(path.stat().st_size for path in folder.glob("*.npy"))
    assert verify(folder, HERE) == []
    assert [path.name for path in folder.parent.iterdir()] == ["cifar10"]


def test_channels_first_views_are_stored_in_their_logical_order(small, tmp_path):
    x = np.ascontiguousarray(small["x_train"].transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)  # as torchvision has them
    assert prepared.sha256(x) == known_datasets.KNOWN["cifar10"].sha256["x_train"]
    prepare(tmp_path / "set", {**small, "x_train": x}, CIFAR10, "a test", HERE)
    assert np.array_equal(open_prepared(tmp_path / "set", HERE).arrays["x_train"], x)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


DAMAGE = {
    "cut": lambda folder: os.truncate(folder / "x_train.npy", 1000),
    "gone": lambda folder: (folder / "y_test.npy").unlink(),
    "header": lambda folder: (folder / "y_test.npy").write_bytes(b"x" * (folder / "y_test.npy").stat().st_size),
    "labels": lambda folder: np.save(folder / "y_test.npy", np.full(20, 77)),
    "text": lambda folder: (folder / MANIFEST).write_text("{"),
    "list": lambda folder: (folder / MANIFEST).write_text("[]"),
    "binary": lambda folder: (folder / MANIFEST).write_bytes(b"\xff\xfe\x00"),
    "partial": lambda folder: edit(folder / MANIFEST, arrays={}),
    "future": lambda folder: edit(folder / MANIFEST, version=99),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_seen_when_it_is_opened(small, tmp_path, section, rejected, damage):
    folder = tmp_path / "cifar10"
    prepare(folder, small, CIFAR10, "a test", HERE)
    DAMAGE[damage](folder)
    with rejected() as found:
        load(section("dataset: cifar10"), (3, 32, 32), 10, data_dir=tmp_path)
    assert [d.code.id for d in found] == ["AB608"]
    assert str(folder) in found[0].hint
    assert [d.code.id for d in verify(folder, HERE)] == ["AB608"]


def test_a_flipped_bit_is_seen_by_verify(small, tmp_path):
    prepare(tmp_path / "set", small, CIFAR10, "a test", HERE)
    flip(tmp_path / "set" / "x_train.npy")
    (found,) = verify(tmp_path / "set", HERE)
    assert found.code.id == "AB608"
    assert "x_train.npy does not have the SHA-256" in found.message


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_what_was_there(small, tmp_path, monkeypatch, rejected, there):
    folder = tmp_path / "set"
    if there:
        prepare(folder, small, CIFAR10, "the first", HERE)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "save", full)
    with rejected() as found:
        prepare(folder, small, CIFAR10, "the second", HERE)
    assert [(d.code.id, d.code.exit_status) for d in found] == [("AB610", 2)]
    assert "No space left" in found[0].message
    assert [path.name for path in tmp_path.iterdir()] == (["set"] if there else [])
    if there:
        assert open_prepared(folder, HERE).manifest["source"] == "the first"


def test_a_new_one_takes_the_place_of_a_damaged_one(small, tmp_path):
    folder = tmp_path / "set"
    prepare(folder, small, CIFAR10, "the first", HERE)
    (folder / MANIFEST).write_text("{")
    prepare(folder, small, CIFAR10, "the second", HERE)
    assert verify(folder, HERE) == []
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.raises_code("AB610")
def test_a_failed_exchange_brings_the_old_one_back(small, tmp_path, monkeypatch, rejected):
    folder = tmp_path / "set"
    prepare(folder, small, CIFAR10, "the first", HERE)
    rename = os.rename

    def refuse(source: Path, target: Path) -> None:
        if source.name == "fresh":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with rejected() as found:
        prepare(folder, small, CIFAR10, "the second", HERE)
    assert found[0].code.id == "AB610"
    assert open_prepared(folder, HERE).manifest["source"] == "the first"


def test_where_data_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("ARCHBUILDER_DATA_DIR", str(tmp_path / "env"))
    assert data_folder() == tmp_path / "env"
    assert data_folder(tmp_path / "argument") == tmp_path / "argument"
    monkeypatch.delenv("ARCHBUILDER_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    parts = {
        "linux": tmp_path / "cache" / "archbuilder" / "data",
        "darwin": tmp_path / "Library" / "Caches" / "archbuilder" / "data",
        "win32": tmp_path / "local" / "archbuilder" / "Cache" / "data",
    }
    for platform, expected in parts.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert data_folder() == expected


def test_cifar10_is_taken_from_an_npz(small, tmp_path, section):
    np.savez_compressed(tmp_path / "file.npz", **small)
    known_datasets.import_npz("cifar10", tmp_path / "file.npz", tmp_path / "data", HERE)
    splits = load(section("dataset: cifar10"), (3, 32, 32), 10, data_dir=tmp_path / "data")
    assert np.array_equal(splits.test.images, small["x_test"])


def test_other_images_are_not_cifar10(small, tmp_path, rejected):
    np.savez_compressed(tmp_path / "file.npz", **{**small, "y_test": small["y_test"][::-1]})
    with rejected() as found:
        known_datasets.import_npz("cifar10", tmp_path / "file.npz", tmp_path / "data", HERE)
    assert found[0].code.id == "AB609"
    assert "file.npz is not cifar10: y_test has another SHA-256" in found[0].message
    assert not (tmp_path / "data").exists()


def torchvision(content: dict[str, np.ndarray] | None, error: Exception | None = None) -> types.ModuleType:
    """A stand-in for `torchvision.datasets` that gives these arrays, or raises."""

    class CIFAR10:
        def __init__(self, root: str, train: bool, download: bool = False) -> None:
            if error:
                raise error
            assert content is not None
            part = "train" if train else "test"
            self.data, self.targets = content[f"x_{part}"], content[f"y_{part}"].tolist()

    module = types.ModuleType("torchvision.datasets")
    module.CIFAR10 = CIFAR10  # type: ignore[attr-defined]
    return module


def test_cifar10_is_downloaded_once(small, tmp_path, section, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", torchvision(small))
    first = load(section("dataset: cifar10"), (3, 32, 32), 10, data_dir=tmp_path)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", torchvision(None, AssertionError("a second download")))
    second = load(section("dataset: cifar10"), (3, 32, 32), 10, data_dir=tmp_path)
    assert np.array_equal(first.train.images, small["x_train"])
    assert np.array_equal(first.train.images, second.train.images)
    assert [path.name for path in tmp_path.iterdir()] == ["cifar10"]


@pytest.mark.parametrize("error", [OSError("no route to host"), RuntimeError("File not found or corrupted.")])
@pytest.mark.raises_code("AB607")
def test_a_download_that_fails_says_what_was_tried_and_what_to_do(tmp_path, section, monkeypatch, rejected, error):
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", torchvision(None, error))
    with rejected() as found:
        load(section("dataset: cifar10"), (3, 32, 32), 10, data_dir=tmp_path)
    assert [(d.code.id, d.code.exit_status, d.span.line) for d in found] == [("AB607", 2, 1)]
    assert f"cifar10 could not be downloaded into {tmp_path}" in found[0].message
    assert str(error) in found[0].message
    assert "`archbuilder data import cifar10` with --folder DIR" in found[0].hint
    assert list(tmp_path.iterdir()) == []


def test_without_torchvision(tmp_path, section, monkeypatch, rejected):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with rejected() as found:
        load(section("dataset: cifar10"), (3, 32, 32), 10, data_dir=tmp_path)
    assert [(d.code.id, d.code.exit_status) for d in found] == [("AB612", 2)]
    assert "pip install 'archbuilder[train]'" in found[0].hint


def test_a_prepared_data_set_opens_without_torchvision_and_torch(small, tmp_path):
    prepare(tmp_path / "cifar10", small, CIFAR10, "a test", HERE)
    code = (
        "import sys\n"
        "from archbuilder.data.datasets import load\n"
        "from archbuilder.spec.data import Data\n"
        "splits = load(Data(dataset='cifar10'), (3, 32, 32), 10)\n"
        "print(len(splits.train), sorted({'torch', 'torchvision', 'albumentations', 'cv2'} & set(sys.modules)))"
    )
    environment = {**os.environ, "ARCHBUILDER_DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "40 []\n"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", [MANIFEST, "images.npz", "cat.png", "weights.pt", "weights.safetensors"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path):
    """Nor any other file that is named by a file or on the command line, and may have no end."""
    os.mkfifo(path := tmp_path / name)
    read: dict[str, Callable[[Path], object]] = {
        MANIFEST: lambda path: open_prepared(path.parent, HERE),
        "images.npz": lambda path: npz.read(path, HERE),
        "cat.png": lambda path: picture(path, (3, 8, 8)),
    }
    with pytest.raises(ArchbuilderError, match="not an ordinary file"):
        read.get(name, weights.read)(path)
