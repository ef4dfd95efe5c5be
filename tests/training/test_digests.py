"""A run is what was trained: its weights have a checksum, its data a digest, and what is others is said."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, load_file, save_file

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.modules.weights import read
from archbuilder.training import Interrupted, Record, RunResult, train
from tests.training.same import files

CPU = ("--device", "cpu", "--threads", "1")


@pytest.fixture
def copy(whole: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run in the current folder, to be changed."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(whole.path, "run"))


# weights


def turned(content: bytes, index: int) -> bytes:
    """The file with the lowest bit of one byte inverted."""
    return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]


USES = {
    "evaluate": ["evaluate", "run", *CPU],
    "predict": ["predict", "run", "digit.png", *CPU],
    "report": ["report", "run", *CPU],
    "export": ["export", "run/architecture.yaml", "--to", "torch", "--out", "net.pt2", "--weights", "run"],
    "weights": ["weights", "run"],
    "teacher": ["train", "run/architecture.yaml", "--set", "train.distill.run=run", "--no-report", *CPU],
}


@pytest.mark.parametrize("use", USES)
def test_one_bit_of_the_weights_is_refused_by_all_that_take_them(copy: Path, use: str, capsys):
    file = copy / "weights.safetensors"
    file.write_bytes(turned(file.read_bytes(), -5))  # the exponent of a bias: a classifier that knows one class
    assert main(USES[use]) == 2
    assert "run/weights.safetensors: AB855 cannot be read: its SHA-256 does not match" in capsys.readouterr().err
    assert not [*Path().glob("*.pt2"), *Path().glob("*.safetensors")]


def test_one_bit_of_a_checkpoint_is_refused_where_a_run_begins_with_it(copy: Path, capsys):
    file = copy / "last.pt"
    bias = torch.load(file, weights_only=True)["model"]["classifier.conv.bias"].numpy().tobytes()
    content = file.read_bytes()
    file.write_bytes(turned(content, content.index(bias) + 3))
    assert main(["train", "run/architecture.yaml", "--init", "run", "--no-report", *CPU]) == 1
    assert "run/last.pt: AB704" in capsys.readouterr().err


def test_whatever_bit_of_the_weights_is_turned_over_they_are_the_same_or_refused(copy: Path):
    file = copy / "weights.safetensors"
    content, own = file.read_bytes(), load_file(file)
    for index in range(0, len(content), 37):
        file.write_bytes(turned(content, index))
        try:
            found = read(file)
        except ArchbuilderError:
            continue
        # where it was a bit of the checksum's own name, say
        assert found.keys() == own.keys() and all(torch.equal(found[name], own[name]) for name in own)


def test_damaged_weights_of_a_finished_run_are_written_anew_from_its_checkpoint(copy: Path):
    file = copy / "weights.safetensors"
    whole = file.read_bytes()
    file.write_bytes(turned(whole, len(whole) - 5))
    train(resume=copy)
    assert file.read_bytes() == whole


def test_weights_without_a_checksum_are_taken(copy: Path):
    """A run without digests, from version 0.1.0 or another one."""
    file = copy / "weights.safetensors"
    state = load(file.read_bytes())
    save_file(state, file, {"format": "pt"})
    assert main(["evaluate", "run", *CPU]) == 0


# data


@pytest.fixture
def own(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on an .npz of ours that was stopped after its first epoch."""
    monkeypatch.chdir(tmp_path)
    write(1)
    Path("net.yaml").write_text(tiny.replace("digits", "own.npz").replace("256", "32"))
    with pytest.raises(Interrupted) as stopped:
        train("net.yaml", device="cpu", threads=1, report=False, on_epoch=stop)
    return stopped.value.path


def stop(record: Record) -> None:
    raise KeyboardInterrupt


def write(seed: int, **changed: np.ndarray) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (64, 8, 8), dtype=np.uint8)
    arrays = {"x_train": images, "y_train": np.arange(64) % 10, "x_test": images[:32], "y_test": np.arange(32) % 10}
    np.savez("own.npz", **{**arrays, **changed})


def test_a_run_says_what_it_is_trained_on(own: Path):
    noted = json.loads((own / "dataset.json").read_text())["digests"]
    images = np.random.default_rng(1).integers(0, 256, (64, 8, 8), dtype=np.uint8)
    assert noted["x_train"] == hashlib.sha256(images.tobytes()).hexdigest()
    assert noted.keys() == {"x_train", "y_train", "x_test", "y_test"}


CHANGES = {
    "all": ({}, "the training images and the test images"),
    "labels": ({"y_train": np.arange(64)[::-1] % 10}, "the training images, the training labels and the test images"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_it_goes_on_with_no_other_data(own: Path, case: str, capsys):
    changed, words = CHANGES[case]
    write(2, **changed)
    before = files(own)
    assert main(["train", "--resume", str(own)]) == 1
    found = capsys.readouterr().err
    assert f"AB724 {words} of own.npz are not those with which the run started" in found
    assert found.count("AB7") == 1 and f"--init {own}" in found
    assert files(own) == before
    write(1)
    assert main(["train", "--resume", str(own)]) == 0


def test_an_evaluation_on_other_data_says_so(own: Path, capsys):
    main(["evaluate", str(own), *CPU])
    assert "warning" not in capsys.readouterr().out
    write(2)
    assert main(["evaluate", str(own), *CPU]) == 0
    words = "the training images and the test images of own.npz are not those used in training"
    assert f"warning: AB725 {words}" in capsys.readouterr().out
    assert main(["evaluate", str(own), *CPU, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [{"code": "AB725", "message": words}]
    assert main(["evaluate", str(own), *CPU, "--dataset", "own.npz"]) == 0  # asked for by name
    assert "AB725" not in capsys.readouterr().out
    assert main(["report", str(own), *CPU]) == 0
    assert words in capsys.readouterr().err


def test_packed_weights_know_their_data_too(own: Path, capsys):
    assert main(["train", "--resume", str(own)]) == 0
    assert main(["weights", str(own)]) == 0
    write(2)
    capsys.readouterr()
    assert main(["evaluate", "tiny.safetensors", *CPU]) == 0
    assert "AB725" in capsys.readouterr().out


def test_a_run_without_digests_is_opened_and_says_so_once(own: Path, capsys):
    card = own / "dataset.json"
    noted = json.loads(card.read_text())
    card.write_text(json.dumps({key: value for key, value in noted.items() if key != "digests"}))
    words = "this run has no digest"
    for command in (["evaluate", str(own), *CPU], ["report", str(own), *CPU], ["train", "--resume", str(own)]):
        capsys.readouterr()
        assert main(command) == 0
        found = capsys.readouterr()
        assert (found.out + found.err).count(words) == 1, command
    card.write_text(json.dumps({**json.loads(card.read_text()), "mean": [1.0]}))  # what 0.1.0 has noted differs
    for path in [*own.glob("*.pt"), own / "metrics.jsonl", own / "weights.safetensors"]:
        path.unlink()
    assert main(["train", "--resume", str(own)]) == 1
    assert "AB724 the training images of own.npz" in capsys.readouterr().err


def photo(name: str, level: int) -> None:
    path = Path("photos", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), level, np.uint8)).save(path)


def test_a_folder_of_images_is_known_by_its_content(tiny: str, tmp_path: Path, monkeypatch, capsys):
    """A changed file is found even if its size and time are unchanged; a copy with other times counts as equal."""
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        photo(f"{'ab'[number % 2]}/{number}.bmp", number)
    network = tiny.replace("digits", "./photos").replace("256", "4").replace("classes: 10", "classes: 2")
    Path("net.yaml").write_text(network)
    with pytest.raises(Interrupted) as stopped:
        train("net.yaml", device="cpu", threads=1, data_dir="data", report=False, on_epoch=stop)
    run, (prepared,) = stopped.value.path, Path("data").glob("photos*")
    one = Path("photos/a/0.bmp")
    state = one.stat()
    os.utime(one, (1, 1))
    assert main(["evaluate", str(run), *CPU, "--data-dir", "data"]) == 0
    assert list(Path("data").glob("photos*")) == [prepared]  # the content is the same, and so is the copy
    photo("a/0.bmp", 200)
    os.utime(one, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (one.stat().st_size, one.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    capsys.readouterr()
    assert main(["train", "--resume", str(run), "--data-dir", "data"]) == 1
    assert "images of ./photos are not those with which the run started" in capsys.readouterr().err
    assert len(list(Path("data").glob("photos*"))) == 2
    photo("a/0.bmp", 0)
    assert main(["train", "--resume", str(run), "--data-dir", "data"]) == 0
