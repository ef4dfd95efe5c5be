"""The words of the command line: which network, for which input, built with what.  Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Code, Span, declare, show
from archbuilder.document import parse

MAX_SIDE = 4096  # of an input: more is a slip

MISSING = declare(
    "AB801",
    "a Python file that is missing",
    exit_status=2,
    why="Importing runs a Python file and looks at what it builds, and there is none of that name.",
    bad="$ archbuilder import nets.py:Net --input 3x32x32",
    good="""\
$ cat > model.py <<'END'
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
$ archbuilder import model.py:Net --input 3x32x32""",
)
ARGUMENTS = declare(
    "AB802",
    "arguments of import that cannot be read",
    exit_status=2,
    why=(
        "Import needs to know which class of which file, an image's size, and values for the class in YAML. "
        "Words that are none of these are refused before torch is loaded."
    ),
    bad="""\
$ cat > model.py <<'END'
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
$ archbuilder import model.py:Net --input 32x32""",
    good="""\
$ cat > model.py <<'END'
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
$ archbuilder import model.py:Net --input 3x32x32""",
)


def read_target(target: str) -> tuple[Path, str]:
    """`model.py:Net` -> its file and the name in it.  Raises ArchbuilderError AB801, AB802."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise _error(ARGUMENTS, target, "the network is named as FILE:CLASS", "write model.py:Net")
    path = Path(file)
    if not path.is_file():
        found = "this is a folder" if path.is_dir() else "there is no such file"
        raise _error(MISSING, file, found, "name the Python file that defines the network, as in model.py:Net")
    return path, name


def read_input(text: str) -> tuple[int, int, int]:
    """`3x32x32` -> (3, 32, 32).  Raises ArchbuilderError AB802."""
    numbers = text.lower().replace("×", "x").replace(",", "x").split("x")
    sizes = [int(n) for n in numbers if n.isascii() and n.isdigit() and len(n) < 9]
    if len(sizes) != 3 or len(numbers) != 3 or not all(1 <= n <= MAX_SIDE for n in sizes):
        hint = "write --input 3x32x32: channels, height, width"
        raise _error(ARGUMENTS, "--input", f"{show(text)} is not the size of an image", hint)
    return sizes[0], sizes[1], sizes[2]


def read_arguments(texts: Sequence[str]) -> dict[str, Any]:
    """`dropout=0.1` -> {"dropout": 0.1}; values are YAML.  Raises ArchbuilderError AB802."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise _error(ARGUMENTS, "--arg", f"{show(text)} is not NAME=VALUE", "write --arg dropout=0.1")
        if name in values:
            raise _error(ARGUMENTS, "--arg", f"{name} is given twice", "keep one of the two")
        try:
            values[name] = parse(f"value: {value}\n").root.plain()["value"]
        except ArchbuilderError as error:
            message = f"the value of {name} is not YAML: {error.diagnostics[0].message}"
            raise _error(ARGUMENTS, "--arg", message, "quote it as YAML would need it") from None
    return values


def _error(code: Code, where: str, message: str, hint: str) -> ArchbuilderError:
    return ArchbuilderError(code.at(Span(where), message, hint))
