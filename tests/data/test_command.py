"""`archbuilder data`: what it prints and how it ends."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace

import numpy as np
import pytest

from archbuilder.cli import data as command
from archbuilder.data import known_datasets
from tests.data.test_known import write_mnist


@pytest.fixture
def call(tmp_path):
    """call("list") -> exit status of `archbuilder data list --data-dir TMP`."""

    def run(*words: str) -> int:
        parser = argparse.ArgumentParser()
        command.configure(parser)
        return command.run(parser.parse_args([*words, "--data-dir", str(tmp_path / "data")]))

    return run


@pytest.fixture
def file(tmp_path, monkeypatch):
    arrays = {f"x_{part}": np.zeros((n, 32, 32, 3), np.uint8) for part, n in (("train", 30), ("test", 10))}
    arrays |= {f"y_{part}": np.zeros(n, np.int64) for part, n in (("train", 30), ("test", 10))}
    sums = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    monkeypatch.setitem(
        known_datasets.KNOWN, "cifar10", replace(known_datasets.KNOWN["cifar10"], train=30, test=10, sha256=sums)
    )
    np.savez(tmp_path / "file.npz", **arrays)
    return str(tmp_path / "file.npz")


def test_import_list_and_verify(call, file, tmp_path, capsys):
    assert call("list") == 0
    assert "digits 1442 + 355 images of 10 classes" in capsys.readouterr().out
    assert call("verify") == 0
    assert "nothing is prepared" in capsys.readouterr().out
    assert call("import", "cifar10", "--npz", file) == 0
    assert f"cifar10: verified and stored in {tmp_path / 'data' / 'cifar10'}" in capsys.readouterr().out
    assert call("list") == 0
    assert "cifar10 30 + 10 images of 10 classes" in capsys.readouterr().out
    assert call("verify", "cifar10") == 0
    assert "all checksums are correct" in capsys.readouterr().out


def test_damage_is_listed_and_fails_verify(call, file, tmp_path, capsys, rejected):
    call("import", "cifar10", "--npz", file)
    array = np.load(tmp_path / "data" / "cifar10" / "x_test.npy", mmap_mode="r+")
    array[3, 3] = 9
    array.flush()
    with rejected() as found:
        call("verify")
    assert [d.code.id for d in found] == ["AB608"]
    assert "cifar10: damaged" in capsys.readouterr().out
    (tmp_path / "data" / "cifar10" / "manifest.json").unlink()
    assert call("list") == 0
    assert "cifar10 damaged" in capsys.readouterr().out


def test_a_name_that_is_not_there(call, file, rejected):
    with rejected() as found:
        call("verify", "cifar10")
    assert [(d.code.id, d.code.exit_status) for d in found] == [("AB613", 2)]
    call("import", "cifar10", "--npz", file)
    with rejected() as found:
        call("verify", "cifar100")
    assert found[0].hint == "did you mean cifar10?"


def test_import_of_a_missing_file(call, tmp_path, rejected):
    with rejected() as found:
        call("import", "cifar10", "--npz", str(tmp_path / "nowhere.npz"))
    assert [(d.code.id, d.code.exit_status) for d in found] == [("AB603", 2)]


def test_import_from_torchvisions_folder(call, tmp_path, capsys, monkeypatch):
    arrays = {f"x_{part}": np.full((20, 28, 28, 1), 7, np.uint8) for part in ("train", "test")}
    arrays |= {f"y_{part}": np.arange(20) % 10 for part in ("train", "test")}
    write_mnist(tmp_path / "root", arrays, "FashionMNIST")
    small = replace(known_datasets.KNOWN["fashion_mnist"], train=20, test=20)
    monkeypatch.setitem(known_datasets.KNOWN, "fashion_mnist", small)
    assert call("import", "fashion_mnist", "--folder", str(tmp_path / "root")) == 0
    assert f"fashion_mnist: verified and stored in {tmp_path / 'data' / 'fashion_mnist'}" in capsys.readouterr().out


NETWORK = "archbuilder: 1\ninput: [1, 8, 8]\nclasses: 10\nnetwork: [{conv: 4}, gap, classifier]\n"


def test_prepare_makes_ready_what_a_file_names(call, file, tmp_path, capsys, rejected):
    net = tmp_path / "net.yaml"
    net.write_text(NETWORK + "data: {dataset: digits}\n")
    assert call("prepare", str(net)) == 0
    assert capsys.readouterr().out == "digits: needs no preparation\n"
    assert call("import", "cifar10", "--npz", file) == 0
    assert call("prepare", str(net), "--set", "data.dataset=cifar10", "--set", "input=[3, 32, 32]") == 0
    assert "30 + 10 images of 10 classes" in capsys.readouterr().out
    with rejected() as found:
        call("prepare", str(net), "--set", "data.dataset=cifar10")
    assert [d.code.id for d in found] == ["AB601"]
    net.write_text(NETWORK)
    with rejected() as found:
        call("prepare", str(net))
    assert [d.code.id for d in found] == ["AB708"]
    net.write_text("network: 3\n")
    with rejected() as found:
        call("prepare", str(net))
    assert {d.code.id for d in found} >= {"AB102"}


def test_arguments_are_checked(call):
    for words in (["import", "cifar10"], ["import", "imagenet", "--npz", "x"], ["prepare"], []):
        with pytest.raises(SystemExit) as ended:
            call(*words)
        assert ended.value.code == 2
