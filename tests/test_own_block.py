"""A user's own block from a file, and the command that shows and tests blocks."""

from pathlib import Path

import pytest

from archbuilder.cli import main

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
    assert "must give AB101, gives no error" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no such file"), ("1 / 0\n", "ZeroDivisionError"), ("def\n", "SyntaxError")],
)
def test_a_file_that_cannot_be_loaded(tmp_path, capsys, content, message):
    path = tmp_path / "broken.py"
    if content:
        path.write_text(content)
    assert main(["check", str(EXAMPLES / "six_lines.yaml"), "--blocks", str(path)]) == 2
    error = capsys.readouterr().err
    assert "AB902" in error
    assert message in error


def test_an_unknown_block_is_named_with_the_nearest(capsys):
    assert main(["blocks", "dilatd"]) == 2
    assert "did you mean dilated?" in capsys.readouterr().err
