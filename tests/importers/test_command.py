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


SCRIPTED = """\
import torch
from torch import nn

Net = torch.jit.script(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU()))
compiled = torch.compile(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
"""
MISTAKES = """\
import functools
import json
import re

import torch
import torch.nn as nn


class Name(nn.Module):
    def forward(self, x):
        return FF.relu(x)


class Attribute(nn.Module):
    def forward(self, x):
        return self.conv(x)


class Empty(nn.Module):
    pass


class Two(nn.Module):
    def forward(self, x, y):
        return x + y


class Broadcast(nn.Module):
    def forward(self, x):
        return x + torch.zeros(32, 3, 16, 16)


class NoSuper(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(3, 8, 3)


class Silent(nn.Module):
    def forward(self, image):
        image.relu()


class Lazy(nn.Module):
    def forward(self, x):
        import no_such_package
        return x


class Library(nn.Module):
    def forward(self, x):
        json.loads("nothing")
        return x


class Late(nn.Module):
    def __init__(self):
        super().__init__()
        re.compile("(")


class Batch(nn.Module):
    def forward(self, x):
        return x.relu().view(32, 768)


class LaterBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(768, 10)

    def forward(self, x):
        x = x.view(16, -1)
        return self.head(x)


class Single(nn.Module):
    def forward(self, x):
        return x.squeeze(0).permute(1, 2, 0).permute(2, 0, 1)[None]


def attempt(function):
    @functools.wraps(function)
    def wrapped(*args):
        return function(*args)
    return functools.lru_cache(wrapped)


class Wrapped(nn.Module):
    @attempt
    def forward(self, x):
        return x.no_such_thing()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with files to import."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(FILE)
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    (tmp_path / "needs.py").write_text("import json\nimport no_such_package.part as part\n")
    (tmp_path / "scripted.py").write_text(SCRIPTED)
    (tmp_path / "misnamed.py").write_text("from torch import nm\n")
    (tmp_path / "raises.py").write_text("import torch\n\n\ndef helper():\n    return 1 / 0\n\n\nx = helper()\n")
    (tmp_path / "syntax.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "exits.py").write_text(
        "import argparse\nargparse.ArgumentParser().add_argument('data')\nraise SystemExit(3)\n"
    )
    return tmp_path


def place(code: str) -> str:
    """Where a piece of code stands in FILE."""
    return f"model.py:{1 + next(n for n, line in enumerate(FILE.splitlines()) if code in line)}:1"


def wrong(code: str) -> str:
    """The same in MISTAKES."""
    return f"mistakes.py:{1 + next(n for n, line in enumerate(MISTAKES.splitlines()) if code in line)}:1:"


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
        "original weights:",
        "perturbed weights, float64:",
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
    assert "# Not used, and therefore left out: skip2 (Sequential, 544 parameters).\n" in out
    assert "not used: skip2 (Sequential, 544 parameters); left out" in err
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
    assert f"{out}: AB810 the YAML would overwrite the file" in capsys.readouterr().err
    assert (folder / "model.py").read_text() == FILE


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_compiled_module_is_its_plain_one(folder, capsys):
    assert run("scripted.py:compiled", "--input", "3x16x16") == 0
    assert "conv: {out: 8, padding: valid, norm: none}" in capsys.readouterr().out


BAD = {
    "no class": (["model.py"], "AB802", 2, "write model.py:Net"),
    "no file": (["nowhere.py:Net"], "AB801", 2, "there is no such file"),
    "a folder": ([".:Net"], "AB801", 2, "this is a folder"),
    "another class": (["model.py:Nett"], "AB804", 2, "did you mean Net?"),
    "no module": (["model.py:number"], "AB804", 2, "number is of type int"),
    "a function of no module": (["model.py:make_nothing"], "AB804", 2, "make_nothing returns a int, which is not a "),
    "missing arguments": (["model.py:Needs"], "AB805", 2, "add --arg width=... --arg depth=..."),
    "unknown argument": (["model.py:Net", "--arg", "widht=3"], "AB805", 2, "did you mean width?"),
    "a class that raises": (["model.py:Raises"], "AB805", 2, "Raises() raises TypeError: "),
    "a bad value": (["model.py:Net", "--arg", "width=many"], "AB805", 2, "Net(width='many') raises"),
    "arguments for a module": (["model.py:net", "--arg", "width=3"], "AB805", 2, "net is already a module"),
    "no equals sign": (["model.py:Net", "--arg", "width"], "AB802", 2, "write --arg dropout=0.1"),
    "bad YAML": (["model.py:Net", "--arg", "width=[1"], "AB802", 2, "the value of width is not YAML"),
    "twice": (["model.py:Net", "--arg", "width=1", "--arg", "width=2"], "AB802", 2, "width is given twice"),
    "a file that raises": (["raises.py:Net"], "AB803", 1, "raises.py:5:1: AB803 importing the file raises Zero"),
    "no Python": (["syntax.py:Net"], "AB803", 1, "syntax.py:2:7: AB803 not Python"),
    "a file that exits": (["exits.py:Net"], "AB803", 1, "exits.py:3:1: AB803 importing the file raises SystemExit: 3"),
    "another input": (["model.py:Net", "--input", "1x16x16"], "AB806", 1, "Net does not run on an input of 1x16x16"),
    "a package that is missing": (["needs.py:Net"], "AB814", 1, "install the package that contains no_such_package"),
    "its place": (["needs.py:Net"], "AB814", 1, "needs.py:2:1: AB814 importing the file raises ModuleNotFoundError"),
    "missing in forward": (["mistakes.py:Lazy"], "AB814", 1, f"{wrong('import no_such')} AB814 Lazy does not run"),
    "a name that is missing": (["mistakes.py:Name"], "AB806", 1, "mistake in the source: import or define FF"),
    "a name that torch lacks": (["misnamed.py:Net"], "AB803", 1, "the package has nothing of that name"),
    "an attribute that is missing": (["mistakes.py:Attribute"], "AB806", 1, "the attribute is misspelt"),
    "no forward": (["mistakes.py:Empty"], "AB806", 1, "the class has no forward"),
    "two inputs": (["mistakes.py:Two"], "AB806", 1, "forward must take exactly one batch of images"),
    "its place is forward": (["mistakes.py:Two"], "AB806", 1, f"{wrong('def forward(self, x, y)')} AB806 Two does not"),
    "no output": (["mistakes.py:Silent"], "AB806", 1, f"{wrong('def forward(self, image)')} AB806 Silent does not run"),
    "a place behind Python's library": (["mistakes.py:Library"], "AB806", 1, f"{wrong('json.loads')} AB806"),
    "the same while it is built": (["mistakes.py:Late"], "AB805", 2, f"{wrong('re.compile')} AB805"),
    "a place behind a decorator": (["mistakes.py:Wrapped"], "AB806", 1, f"{wrong('no_such_thing')} AB806"),
    "a fixed batch": (["mistakes.py:Batch"], "AB815", 1, f"{wrong('view(32')} AB815 Batch runs only on 32 images"),
    "a fixed batch that fails later": (["mistakes.py:LaterBatch"], "AB815", 1, "LaterBatch runs only on 16 images"),
    "a fixed batch that one image fits": (["mistakes.py:Broadcast"], "AB815", 1, "Broadcast runs only on 32 images"),
    "a scripted module on another input": (["scripted.py:Net"], "AB806", 1, "3x16x16: RuntimeError: Given groups=1"),
    "a module before its own": (["mistakes.py:NoSuper"], "AB805", 2, "in the source: call super().__init__() first"),
    "one image": (["mistakes.py:Single"], "AB815", 1, "Single runs only on one image at once"),
    "no module of that name": (["no.such:Net"], "AB801", 2, "there is no module of that name, here or installed"),
    "two numbers": (["model.py:Net", "--input", "32x32"], "AB802", 2, "write --input 3x32x32"),
    "no pixels": (["model.py:Net", "--input", "3x0x32"], "AB802", 2, "'3x0x32' is not the size of an image"),
    "a huge input": (["model.py:Net", "--input", "3x99999x32"], "AB802", 2, "is not the size of an image"),
    "no place to write": (["model.py:Net", "--out", "no/where.yaml"], "AB810", 2, "AB810 cannot be written: No such"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::FutureWarning")
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


NET = "import torch.nn as nn\nfrom {} import WIDTH\n\n\ndef net():\n    return nn.Conv2d(3, WIDTH, 3)\n"


@pytest.mark.parametrize("named", ["lib.nets.net:net", "lib/nets/net.py:net"])
@pytest.mark.parametrize("init", [True, False], ids=["package", "folder"])
@pytest.mark.parametrize("source", [".sizes", "..sizes"])
def test_a_model_in_a_package(folder, capsys, named: str, init: bool, source: str):
    """By its file or its dotted name, with relative imports, whether or not the folders have an __init__.py."""
    (folder / "lib" / "nets").mkdir(parents=True)
    for inner in (folder / "lib", folder / "lib" / "nets"):
        (inner / "sizes.py").write_text("WIDTH = 6\n")
        if init:
            (inner / "__init__.py").touch()
    (folder / "lib" / "nets" / "net.py").write_text(NET.format(source))
    assert run(named, "--input", "3x8x8") == 0
    assert "out: 6" in capsys.readouterr().out


def test_a_package_itself_has_networks(folder, capsys):
    (folder / "lib").mkdir()
    (folder / "lib" / "__init__.py").write_text("from .net import net\n")
    (folder / "lib" / "sizes.py").write_text("WIDTH = 6\n")
    (folder / "lib" / "net.py").write_text(NET.format(".sizes"))
    for named in ("lib:net", "lib/__init__.py:net"):
        assert run(named, "--input", "3x8x8") == 0
        assert "out: 6" in capsys.readouterr().out


def test_an_installed_package_has_networks(folder, capsys):
    assert run("torchvision.models.squeezenet:squeezenet1_1", "--input", "3x64x64") == 0
    assert "Imported from squeezenet.py, squeezenet1_1()" in capsys.readouterr().out
