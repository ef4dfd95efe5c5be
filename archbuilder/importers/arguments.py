"""Parses the arguments of the command line: the network, the input, the arguments of its class. Needs no torch."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Code, Span, declare, show
from archbuilder.document.parser import parse

PACKAGE = "__init__.py"  # the file of a package
MAX_SIDE = 4096  # the largest side of an input: more is probably a mistake

MISSING = declare(
    "AB801",
    "a Python file that is missing",
    exit_status=2,
    why="Import runs a Python file and inspects the network that it builds, and there is no file of that name.",
    bad="$ archbuilder import nets.py:Net --input 3x32x32",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)
ARGUMENTS = declare(
    "AB802",
    "arguments of import that cannot be read",
    exit_status=2,
    why=(
        "Import needs the file and the class, the size of an image, and values for the class's arguments in YAML. "
        "Arguments of another form are refused before torch is loaded."
    ),
    bad="""\
$ archbuilder import model.py:Net --input 32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)


def read_target(target: str) -> tuple[Path, str]:
    """`model.py:Net`, `package.module:Net` -> its file and the name in it.  Raises ArchbuilderError AB801, AB802."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise _error(ARGUMENTS, target, "the network must be given as FILE:CLASS", "write model.py:Net")
    path = Path(file)
    path = path / PACKAGE if (path / PACKAGE).is_file() else path
    if not path.is_file():
        if found := _in_package(file):
            return found, name
        message = "this is a folder" if path.is_dir() else "there is no such file"
        dotted = re.fullmatch(r"\w+(\.\w+)*", file) and not file.endswith(".py")
        message = "there is no module of that name, here or installed" if dotted and not path.is_dir() else message
        hint = "name the Python file that defines the network (model.py:Net), or a module (package.module:Net)"
        raise _error(MISSING, file, message, hint)
    return path, name


def _in_package(module: str) -> Path | None:
    """The file of a module by its dotted name, found like an import in the current folder, but without running any
    code."""
    folders: list[str] | None = [str(Path.cwd()), *sys.path]
    found = None
    parts = module.split(".")
    for number, part in enumerate(parts):
        found = PathFinder.find_spec(part, folders) if part.isidentifier() and folders else None
        folders = list(found.submodule_search_locations or ()) if found else None
        if not found or (number < len(parts) - 1 and not folders):
            return None
    return Path(found.origin) if found and found.origin and found.origin.endswith(".py") else None


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


def read_scale(option: str, text: str | None) -> tuple[float, ...] | None:
    """`0.49,0.48,0.45` -> its numbers, in 0..1; None for None.  Raises ArchbuilderError AB802."""
    if text is None:
        return None
    try:
        values = tuple(map(float, text.split(",")))
    except ValueError:
        values = ()
    if not values or not all((v > 0 if option == "--std" else v >= 0) and v <= 1 for v in values):
        hint = "write one number, or one per channel: 0.49,0.48,0.45; pixels are in 0..1"
        raise _error(ARGUMENTS, option, f"{show(text)} is not a list of numbers from 0 to 1", hint)
    return values


def _error(code: Code, where: str, message: str, hint: str) -> ArchbuilderError:
    return ArchbuilderError(code.at(Span(where), message, hint))
