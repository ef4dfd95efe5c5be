"""`archbuilder import`: what it prints and writes, and how it ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import archbuilder
from archbuilder.cli import main
from tests.importers.catalogue import FOLDER

FILE = """\
import torch
import torch.nn as nn
import torch.nn.functional as F

print("this file talks")
number = 3


class Net(nn.Module):
    def __init__(self, width=8, dropout=0.0):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = self.drop(F.relu(self.conv(x)))
        return self.fc(x.mean((2, 3)))


class Needs(nn.Module):
    def __init__(self, width, *, depth, act="relu"):
        super().__init__()


class Raises(nn.Module):
    def __init__(self, kernel=0.5):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, [kernel] * "2")


class Fourier(Net):
    def forward(self, x):
        x = F.relu(self.conv(x))
        x = torch.fft.fft2(x).real
        return self.fc(x.mean((2, 3)))


class Crossed(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b, self.c, self.d = [nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)]
        self.p, self.q = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        c = self.c(b) + self.p(a)
        return self.d(c) + self.q(b)


class Strides(nn.Module):
    def __init__(self):
        super().__init__()
        self.valid, self.strided = nn.Conv2d(3, 8, 17), nn.Conv2d(3, 8, 1, stride=2)

    def forward(self, x):
        return self.valid(x) + self.strided(x)


def make(width=4):
    return Net(width)


def make_nothing():
    return 3


net = Net(4)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with files to import."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(FILE)
    (tmp_path / "raises.py").write_text("import torch\n\n\ndef helper():\n    return 1 / 0\n\n\nx = helper()\n")
    (tmp_path / "syntax.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "exits.py").write_text(
        "import argparse\nargparse.ArgumentParser().add_argument('data')\nraise SystemExit(3)\n"
    )
    return tmp_path


def place(code: str) -> str:
    """Where a piece of code stands in FILE."""
    return f"model.py:{1 + next(n for n, line in enumerate(FILE.splitlines()) if code in line)}:1"


def run(*words: str) -> int:
    return main(["import", *words])


def test_a_file_is_written_and_the_report_printed(folder, capsys):
    assert (
        run("model.py:Net", "--input", "3x16x16", "--arg", "dropout=0.1", "--arg", "width=12", "--out", "net.yaml") == 0
    )
    out, err = capsys.readouterr()
    text = (folder / "net.yaml").read_text()
    assert text.startswith(
        "# Imported from model.py, Net(dropout=0.1, width=12) by archbuilder import.\narchbuilder: 1\n"
    )
    assert archbuilder.check("net.yaml").ok
    assert "conv: {out: 12, padding: valid, norm: none, dropout: 0.1}" in text
    for shown in (
        "net.yaml: Net",
        "receptive field",
        "weights as they are:",
        "weights shaken, float64:",
        "largest difference",
    ):
        assert shown in out
    assert "the same network: 466 parameters" in out
    assert err == "this file talks\n"


def test_without_out_the_text_goes_to_standard_output(folder, capsys):
    assert run("model.py:Net", "--input", "3x16x16") == 0
    out, err = capsys.readouterr()
    assert archbuilder.check(out).ok
    assert "this file talks" in err
    assert "the same network" in err


@pytest.mark.parametrize("name", ["make", "net"])
def test_a_function_or_a_module_will_do(folder, capsys, name):
    assert run(f"model.py:{name}", "--input", "3x16x16") == 0
    assert f"name: {name}\n" in capsys.readouterr().out


def test_what_was_never_called_is_told(capsys):
    assert run(f"{FOLDER / 'stages.py'}:Net", "--input", "3x32x32") == 0
    out, err = capsys.readouterr()
    assert "# Never called, and so left out: skip2 (Sequential, 544 parameters).\n" in out
    assert "never called: skip2 (Sequential, 544 parameters); left out" in err
    assert "log_softmax at" in err
    assert "9,448 parameters" in err


def test_an_unknown_call_leaves_a_partial_file(folder, capsys):
    assert run("model.py:Fourier", "--input", "3x16x16", "--out", "part.yaml") == 1
    out = capsys.readouterr().out
    assert f"{place('fft2')}: AB807 fft_fft2 has no block" in out
    assert "not proven to be the same network" in out
    text = (folder / "part.yaml").read_text()
    assert text.startswith(f"# INCOMPLETE: {place('fft2')}: fft_fft2 has no block\n")
    assert text.endswith("network:\n  - conv: {out: 8, padding: valid, norm: none}\n")
    assert archbuilder.check("part.yaml").ok
    assert run("model.py:Fourier", "--input", "3x16x16") == 1  # to standard output, where no file is written
    printed, told = capsys.readouterr()
    assert printed == text and "the YAML ends before this" in told and "file is written" not in told


def test_crossing_branches_leave_a_partial_file(folder, capsys):
    assert run("model.py:Crossed", "--input", "3x16x16") == 1
    out, err = capsys.readouterr()
    assert f"{place('self.q(b)')}: AB808 merges branches that cross others" in err
    assert out.startswith(f"# INCOMPLETE: {place('self.q(b)')}: ")
    assert archbuilder.check(out).ok


def test_a_network_that_check_refuses_is_written_and_refused(folder, capsys):
    """Its branches have unequal strides: the file says the same as the module, and check says what is wrong."""
    assert run("model.py:Strides", "--input", "3x32x32", "--out", "strides.yaml") == 1
    out = capsys.readouterr().out
    assert "AB306" in out
    assert "the same network" in out
    assert {d.code.id for d in archbuilder.check("strides.yaml").errors} == {"AB306"}


@pytest.mark.parametrize("out", ["model.py", "./link.py"])
def test_the_file_that_is_imported_stays(folder, capsys, out):
    (folder / "link.py").symlink_to("model.py")
    assert run("model.py:Net", "--input", "3x16x16", "--out", out) == 2
    assert f"{out}: AB810 the YAML would take the place of the file" in capsys.readouterr().err
    assert (folder / "model.py").read_text() == FILE


BAD = {
    "no class": (["model.py"], "AB802", 2, "write model.py:Net"),
    "no file": (["nowhere.py:Net"], "AB801", 2, "there is no such file"),
    "a folder": ([".:Net"], "AB801", 2, "this is a folder"),
    "another class": (["model.py:Nett"], "AB804", 2, "did you mean Net?"),
    "no module": (["model.py:number"], "AB804", 2, "number is of type int"),
    "a function of no module": (["model.py:make_nothing"], "AB804", 2, "make_nothing gives a int, which is no "),
    "missing arguments": (["model.py:Needs"], "AB805", 2, "add --arg width=... --arg depth=..."),
    "unknown argument": (["model.py:Net", "--arg", "widht=3"], "AB805", 2, "did you mean width?"),
    "a class that raises": (["model.py:Raises"], "AB805", 2, "Raises() raises TypeError: "),
    "a bad value": (["model.py:Net", "--arg", "width=many"], "AB805", 2, "Net(width='many') raises"),
    "arguments for a module": (["model.py:net", "--arg", "width=3"], "AB805", 2, "net is a module already"),
    "no equals sign": (["model.py:Net", "--arg", "width"], "AB802", 2, "write --arg dropout=0.1"),
    "bad YAML": (["model.py:Net", "--arg", "width=[1"], "AB802", 2, "the value of width is not YAML"),
    "twice": (["model.py:Net", "--arg", "width=1", "--arg", "width=2"], "AB802", 2, "width is given twice"),
    "a file that raises": (["raises.py:Net"], "AB803", 1, "raises.py:5:1: AB803 importing the file raises Zero"),
    "no Python": (["syntax.py:Net"], "AB803", 1, "syntax.py:2:7: AB803 not Python"),
    "a file that exits": (["exits.py:Net"], "AB803", 1, "exits.py:3:1: AB803 importing the file raises SystemExit: 3"),
    "another input": (["model.py:Net", "--input", "1x16x16"], "AB806", 1, "Net does not run on an input of 1x16x16"),
    "two numbers": (["model.py:Net", "--input", "32x32"], "AB802", 2, "write --input 3x32x32"),
    "no pixels": (["model.py:Net", "--input", "3x0x32"], "AB802", 2, "'3x0x32' is not the size of an image"),
    "a huge input": (["model.py:Net", "--input", "3x99999x32"], "AB802", 2, "is not the size of an image"),
    "no place to write": (["model.py:Net", "--out", "no/where.yaml"], "AB810", 2, "AB810 cannot be written: No such"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_diagnostic(folder, capsys, name):
    words, code, status, told = BAD[name]
    arguments = words if "--input" in words else [*words, "--input", "3x16x16"]
    assert run(*arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    err = err.replace("this file talks\n", "")
    assert err.count(" AB8") == 1
    assert f" {code} " in err
    assert told in err


def test_arguments_are_checked_before_torch_is_imported(folder, command, environment):
    code = "import sys; from archbuilder.cli import main; status = main(sys.argv[1:])\n"
    code += "assert status == 2 and 'torch' not in sys.modules"
    words = ["import", "nowhere.py:Net", "--input", "3x32x32"]
    subprocess.run([command[0], "-c", code, *words], env=environment, check=True, capture_output=True)


def test_help_says_that_code_is_run(capsys):
    with pytest.raises(SystemExit):
        run("--help")
    out = capsys.readouterr().out
    assert "Importing runs your own code" in out
    assert "FILE:CLASS" in out


def test_a_file_in_a_package_may_import_its_neighbours(folder, capsys):
    package = folder / "package"
    (package / "nets").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "nets" / "__init__.py").touch()
    (package / "sizes.py").write_text("WIDTH = 6\n")
    (package / "nets" / "net.py").write_text(
        "from ..sizes import WIDTH\nimport torch.nn as nn\n\n\n"
        "def Net():\n    return nn.Sequential(nn.Conv2d(3, WIDTH, 3), nn.ReLU())\n"
    )
    assert run("package/nets/net.py:Net", "--input", "3x8x8") == 0
    assert "conv: {out: 6, padding: valid, norm: none}" in capsys.readouterr().out


def test_neighbours_of_one_file_are_not_those_of_the_next(folder, capsys):
    for name, width in (("one", 5), ("two", 7)):
        (folder / name).mkdir()
        (folder / name / "sizes.py").write_text(f"WIDTH = {width}\n")
        (folder / name / "net.py").write_text(
            "import torch.nn as nn\nfrom sizes import WIDTH\n\n\ndef net():\n    return nn.Conv2d(3, WIDTH, 3)\n"
        )
        assert run(f"{name}/net.py:net", "--input", "3x8x8") == 0
        assert f"out: {width}" in capsys.readouterr().out
