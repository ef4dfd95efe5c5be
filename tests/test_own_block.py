"""A user's own block from a file, and the command that shows and tests blocks."""

import sys
from pathlib import Path

import pytest

from archbuilder import blocks
from archbuilder.blocks._external import forget, load_file
from archbuilder.cli import main
from archbuilder.pipeline import check

EXAMPLES = Path(__file__).parent.parent / "examples"
OWN = str(EXAMPLES / "double_conv.py")


def test_is_checked_like_a_built_in_one(capsys):
    assert main(["check", str(EXAMPLES / "double_conv.yaml"), "--blocks", OWN]) == 0
    assert "double_conv2" in capsys.readouterr().out


def test_has_a_manual_and_passes_the_conformance_test(capsys):
    assert main(["blocks", "double_conv", "--blocks", OWN]) == 0
    assert "Two 3x3 convolutions" in capsys.readouterr().out
    assert main(["blocks", "double_conv", "--test", "--blocks", OWN]) == 0
    assert capsys.readouterr().out == "double_conv: ok\n"


def test_a_block_that_breaks_its_promises_is_told_each_of_them(tmp_path, capsys):
    path = tmp_path / "careless.py"
    path.write_text(
        "from archbuilder.blocks import register\nfrom archbuilder.blocks.conv import Conv\n"
        "@register\nclass Careless(Conv):\n"
        "    EXAMPLE = 'careless: {wide: 3}'\n    REJECTS = {'careless: 8': 'AB101'}\n"
    )
    assert main(["blocks", "careless", "--test", "--blocks", str(path)]) == 1
    out = capsys.readouterr().out
    assert "no docstring" in out
    assert "EXAMPLE: AB101" in out
    assert "must give AB101 alone, gives no error" in out


# an op of the user's own whose rules are wrong, one at a time, and the block that makes it
WRONG = """\
from dataclasses import dataclass, replace

from archbuilder.blocks import Block, register
from archbuilder.ir.op import Op
from archbuilder.ir.ops import Conv2d
from archbuilder.modules.layers import Layer, layer, rule


@dataclass(frozen=True)
class Blur(Op):
    conv = Conv2d(16, (3, 3), padding=(1, 1), groups=16, bias=True)

    def shape(self, inputs):
        return self.conv.shape(inputs)

    def reach(self, inputs, shapes):
        return self.conv.reach(inputs, shapes)

    def params(self, inputs):
        return self.conv.params(inputs)

    def macs(self, inputs):
        return self.conv.macs(inputs)

    def describe(self):
        return "blur"


@rule(Blur)
def _blur(op, inputs):
    return layer(op.conv, inputs)


@register
class Wrong(Block):
    \"\"\"A blur.\"\"\"

    EXAMPLE = "wrong"
    REJECTS = {"wrong: 3": "AB104"}

    def lower(self, g):
        g.add(Blur(), self.name or "wrong")
"""


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("return self.conv.shape(inputs)", "return self.conv.shape(inputs)._replace(h=15)", "(16, 15, 16)"),
        ("return self.conv.params(inputs)", "return 0", "counts 0 parameters, torch 160"),
        ("return self.conv.macs(inputs)", "return 9", "counts 9 MACs, torch 36,864"),
        ("return self.conv.reach(inputs, shapes)", "return inputs[0]", "sees rows 7 to 7, torch 6 to 8"),
        ("return layer(op.conv, inputs)", "return Layer('Nope', {})", "does not run: AttributeError"),
        (
            "return layer(op.conv, inputs)",
            "return layer(replace(op.conv, groups=1, out=9), inputs)",
            "(16, 16, 16) by the analysis, but (9, 16, 16) by torch",
        ),
        ("", "", "ok"),
    ],
)
def test_each_number_of_a_block_is_held_against_torch(tmp_path, capsys, right, wrong, told):
    path = tmp_path / "wrong.py"
    path.write_text(WRONG.replace(right, wrong))
    assert main(["blocks", "wrong", "--test", "--blocks", str(path)]) == (told != "ok")
    assert told in capsys.readouterr().out


def test_an_op_of_ones_own_has_memory_and_no_kernel(tmp_path, capsys):
    path, net = tmp_path / "wrong.py", tmp_path / "net.yaml"
    path.write_text(WRONG)
    net.write_text("archbuilder: 1\ninput: [16, 8, 8]\nnetwork: [wrong, gap]\n")
    assert main(["check", str(net), "-v", "--rules", "mcu", "--blocks", str(path)]) == 1
    out = capsys.readouterr().out
    assert "4.0 KiB" in out  # its input is kept for backward, as for most ops
    assert "wrong (blur) does not run on tflite_micro: this op is unknown" in out


def test_a_rejected_example_shows_one_mistake(tmp_path, capsys):
    path = tmp_path / "twice.py"
    path.write_text(
        "from archbuilder.blocks import register\nfrom archbuilder.blocks.conv import Conv\n"
        '@register\nclass Twice(Conv):\n    """A convolution."""\n'
        "    EXAMPLE = 'twice: 8'\n    REJECTS = {'twice: {out: 0, wide: 3}': 'AB101'}\n"
    )
    assert main(["blocks", "twice", "--test", "--blocks", str(path)]) == 1
    assert "must give AB101 alone, gives AB101, AB103" in capsys.readouterr().out


BLOCK = """\
from archbuilder.blocks import Block, register
from archbuilder.ir.ops import Activation


@register
class Mine(Block):
    \"\"\"An activation.\"\"\"

    EXAMPLE = "NAME"
    REJECTS = {"NAME: 3": "AB104"}

    def lower(self, g):
        g.add(Activation("relu"), self.name or "NAME")
"""


def written(path: Path, before: str = "", after: str = "") -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(before + BLOCK.replace("NAME", path.stem) + after)
    return str(path)


def refused(capsys, *arguments: str) -> str:
    assert main(["check", str(EXAMPLES / "six_lines.yaml"), "-q", *arguments]) == 2
    error = capsys.readouterr().err
    assert "AB902" in error and "hint: " in error
    return error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ("1 / 0\n", "broken.py:1:1: AB902 ZeroDivisionError"),
        ("x = 1\ndef\n", "broken.py:2:1: AB902 SyntaxError"),
        ("import sys\nsys.exit(3)\n", "broken.py:2:1: AB902 SystemExit: 3"),
        ("", "it registers no block broken"),
        ("from archbuilder.blocks.gap import Gap\n", "it registers no block broken"),
        ("def f():\n    import json\n    json.loads('')\nf()\n", "broken.py:3:1: AB902 JSONDecodeError"),
    ],
)
def test_a_file_that_cannot_be_loaded(tmp_path, capsys, content, message):
    path = tmp_path / "broken.py"
    if content is not None:
        path.write_text(content)
    assert message in refused(capsys, "--blocks", str(path))


def test_what_is_no_python_file(tmp_path, capsys):
    path = tmp_path / "mine.txt"
    path.write_text(BLOCK)
    assert "this is not a Python file" in refused(capsys, "--blocks", str(path))


@pytest.mark.parametrize("name", ["gap", "conv", "train", "forward", "class", "my-block", "1st", "_mine"])
def test_a_block_that_has_the_name_of_something_else(tmp_path, capsys, name):
    error = refused(capsys, "--blocks", written(tmp_path / f"{name}.py"))
    assert f"a block cannot be named {name}" in error
    assert blocks.find("gap").__module__ == "archbuilder.blocks.gap"


def test_two_files_of_one_name(tmp_path, capsys):
    first, second = written(tmp_path / "mine.py"), written(tmp_path / "other" / "mine.py")
    assert f"another file already has a block mine: {first}" in refused(capsys, "--blocks", first, "--blocks", second)
    assert main(["blocks", "mine", "--test", "--blocks", first, "--blocks", first]) == 0


def test_a_file_that_fails_after_it_has_registered_leaves_nothing_behind(tmp_path, capsys):
    path = written(tmp_path / "mine.py", after="\nraise RuntimeError('late')\n")
    assert "mine.py:15:1: AB902 RuntimeError: late" in refused(capsys, "--blocks", path)
    assert blocks.find("mine") is None
    written(tmp_path / "mine.py")  # mended, in the same process
    assert main(["blocks", "mine", "--test", "--blocks", path]) == 0


def test_blocks_of_files_can_be_forgotten(tmp_path):
    load_file(written(tmp_path / "mine.py"))
    assert "mine" in blocks.names()
    forget()
    assert "mine" not in blocks.names() and blocks.find("mine") is None
    assert blocks.find("conv") is not None


# ---- installed packages ----


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a package with an entry point on the path, as an installer does."""

    def put(name: str, value: str, code: str | None) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))
        info = tmp_path / f"{name}_pack-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-pack\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[archbuilder.blocks]\n{name} = {value}\n")
        if code is not None:
            (tmp_path / f"{value.partition(':')[0]}.py").write_text(code.replace("NAME", name))

    yield put
    for name in ("ours", "theirs"):
        blocks._registered.pop(name, None)
        sys.modules.pop(name, None)


HEAD = "archbuilder: 1\ninput: [3, 8, 8]\n"


def test_an_installed_block(install, capsys):
    install("ours", "ours:Mine", BLOCK)
    report = check(f"{HEAD}network: [ours]\n")
    assert report.ok and list(report.graph.nodes) == ["ours"]
    assert main(["blocks"]) == 0
    assert "ours " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("theirs", "1 / 0\n", "ZeroDivisionError"),
        ("theirs", "x = 1\n", "it registers no block theirs"),
        ("theirs:Mine", "", "AttributeError"),
        ("nowhere", None, "ModuleNotFoundError"),
    ],
)
def test_an_installed_block_that_is_broken(install, capsys, value, code, message):
    install("theirs", value, code)
    install("ours", "ours", BLOCK)
    (problem,) = check(f"{HEAD}network: [theirs]\n").diagnostics
    assert problem.code.id == "AB902" and message in problem.message
    assert problem.span.file == f"{value} of theirs-pack"
    # and nothing else suffers from it
    assert check(f"{HEAD}network: [gap, ours]\n").ok
    assert main(["blocks"]) == main(["schema"]) == 0
    assert "ours" in capsys.readouterr().out


def test_an_unknown_block_is_named_with_the_nearest(capsys):
    assert main(["blocks", "dilatd"]) == 2
    assert "did you mean dilated?" in capsys.readouterr().err
