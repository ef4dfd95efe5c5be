"""archbuilder export: files, standard output, and what is said about bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archbuilder import exporters
from archbuilder.cli import main

ROOT = Path(__file__).parent.parent.parent
TINY = "archbuilder: 1\nname: tiny\ninput: [1, 8, 8]\nclasses: 10\nnetwork: [{conv: 4}, gap, classifier]\n"


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def export(*arguments: object) -> int:
    return main(["export", *map(str, arguments)])


def code(capsys: pytest.CaptureFixture[str]) -> str:
    """The code of the one diagnostic on standard error; nothing is on standard output."""
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count(" AB") == 1
    assert "hint: " in shown.err
    return shown.err[shown.err.index(" AB") + 1 :][:5]


@pytest.mark.parametrize("format", exporters.TEXTS)
def test_texts_go_to_standard_output_or_a_file(format: str, net: Path, tmp_path: Path, capsys):
    assert export(net, "--to", format) == 0
    text = capsys.readouterr().out
    out = tmp_path / f"out{exporters.TEXTS[format]}"
    assert export(net, "--to", format, "--out", out) == 0
    assert capsys.readouterr().out.startswith(f"{out}: tiny as {format}, ")
    assert out.read_text() == text
    assert len(text) > 200


def test_binaries_go_to_a_file_and_say_whose_weights_they_hold(net: Path, tmp_path: Path, capsys):
    out = tmp_path / "tiny.pt2"
    out.write_text("old")
    assert export(net, "--to", "torch", "--out", out) == 0
    assert "tiny as torch, fresh weights; outputs differ by at most 0.0e+00" in capsys.readouterr().out
    program = torch.export.load(str(out)).module()
    assert program(torch.zeros(3, 1, 8, 8)).shape == (3, 10)
    weights = tmp_path / "weights.pt"
    torch.save({name: tensor + 1 for name, tensor in program.state_dict().items()}, weights)
    assert export(net, "--to", "torch", "--out", out, "--weights", weights) == 0
    assert str(weights) in capsys.readouterr().out
    again = torch.export.load(str(out)).module()
    assert torch.equal(again.state_dict()["conv.conv.weight"], program.state_dict()["conv.conv.weight"] + 1)


def test_overrides_and_missed_limits(net: Path, capsys):
    net.write_text(TINY + 'limits: {params: "< 5"}\n')
    assert export(net, "--to", "json", "--set", "name=other") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "other"


def test_unknown_format(net: Path, capsys):
    assert export(net, "--to", "pyhton") == 2
    shown = capsys.readouterr().err
    assert "AB851 there is no format pyhton" in shown
    assert "did you mean python?" in shown


def test_arguments_that_do_not_go_together(net: Path, tmp_path: Path, capsys):
    for arguments in (
        ["--to", "onnx"],
        ["--to", "svg", "--weights", tmp_path],
        ["--to", "python", "--out", net],
    ):
        assert export(net, *arguments) == 2
        assert code(capsys) == "AB852"
    assert net.read_text() == TINY


def test_a_place_that_cannot_be_written(net: Path, tmp_path: Path, capsys):
    for out in (tmp_path, tmp_path / "nowhere" / "out.py", net / "out.py", "x" * 300):
        assert export(net, "--to", "python", "--out", out) == 2
        assert code(capsys) == "AB853"


def test_an_old_file_stands_until_the_new_one_is_whole(net: Path, tmp_path: Path, capsys, monkeypatch):
    out = tmp_path / "net.py"
    out.write_text("old")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        assert export(net, "--to", "python", "--out", out) == 2
    assert code(capsys) == "AB853"
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.py", "tiny.yaml"]


@pytest.mark.skipif(os.name == "nt", reason="needs devices and links")
def test_devices_are_written_to_and_links_are_followed(net: Path, tmp_path: Path):
    assert export(net, "--to", "python", "--out", os.devnull) == 0
    assert not Path(os.devnull).is_file()
    (tmp_path / "real.py").write_text("old")
    (tmp_path / "link.py").symlink_to(tmp_path / "real.py")
    assert export(net, "--to", "python", "--out", tmp_path / "link.py") == 0
    assert (tmp_path / "link.py").is_symlink()
    assert "class Tiny" in (tmp_path / "real.py").read_text()


@pytest.mark.raises_code("AB854")
def test_missing_packages(net: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(exporters, "find_spec", lambda name: None if name == "onnxscript" else object())
    assert export(net, "--to", "onnx", "--out", tmp_path / "net.onnx") == 2
    shown = capsys.readouterr().err
    assert "AB854 an export to onnx needs onnxscript, which is not installed" in shown
    assert "pip install 'archbuilder[onnx]'" in shown


def test_bad_yaml_and_bad_weights(net: Path, tmp_path: Path, capsys):
    assert export(tmp_path / "nothing.yaml", "--to", "svg") == 2
    assert code(capsys) == "AB001"
    net.write_text(TINY.replace("conv: 4", "conf: 4"))
    assert export(net, "--to", "svg") == 1
    assert code(capsys) == "AB101"
    net.write_text(TINY)
    out = tmp_path / "net.pt2"
    assert export(net, "--to", "torch", "--out", out, "--weights", tmp_path / "none") == 2
    assert code(capsys) == "AB855"
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pt")
    assert export(net, "--to", "torch", "--out", out, "--weights", tmp_path / "other.pt") == 1
    assert code(capsys) == "AB856"
    assert not out.exists()


def test_texts_need_no_torch(net: Path):
    program = (
        "import sys; from archbuilder.cli import main;"
        f"status = [main(['export', {str(net)!r}, '--to', name, '--out', {os.devnull!r}])"
        f" for name in {list(exporters.TEXTS)}];"
        "found = [name for name in ('torch', 'numpy', 'onnx') if name in sys.modules];"
        "sys.exit(f'{status} {found}' if found or any(status) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
