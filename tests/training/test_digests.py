"""A run is what was trained: its weights have a checksum, its data a digest, and what is others is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, load_file, save_file

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.exporters.weights import read
from archbuilder.training import RunResult

CPU = ("--device", "cpu", "--threads", "1")


@pytest.fixture
def copy(whole: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run in the current folder, to be changed."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(whole.path, "run"))


# weights


def turned(content: bytes, index: int) -> bytes:
    """With the lowest bit of one byte turned over."""
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
    assert "run/weights.safetensors: AB855 cannot be read: its SHA-256 does not fit" in capsys.readouterr().err
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


def test_weights_without_a_checksum_are_taken(copy: Path):
    """Those of 0.1.0, or of others."""
    file = copy / "weights.safetensors"
    state = load(file.read_bytes())
    save_file(state, file, {"format": "pt"})
    assert main(["evaluate", "run", *CPU]) == 0
