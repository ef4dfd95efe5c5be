"""What an exception out of a user's source means: a missing package, the source's own mistake, or a wrong input."""

from __future__ import annotations

import re

from archbuilder.diagnostics import ArchbuilderError, Code, declare
from archbuilder.importers.places import failing_line

OF_INPUT = (RuntimeError, ValueError, IndexError, AssertionError)  # what a wrong size of the image makes torch raise

MISSING_PACKAGE = declare(
    "AB814",
    "a model whose package is not installed",
    why="The model's file imports a package, and it is not in the environment that archbuilder runs in.",
    bad="""\
$ cat > model.py <<'END'
import no_such_package
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
$ archbuilder import model.py:Net --input 3x32x32""",
    good="""\
$ cat > model.py <<'END'
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
$ archbuilder import model.py:Net --input 3x32x32""",
)


def failed(error: BaseException, code: Code, doing: str, file: str, hint: str, own: str = "") -> ArchbuilderError:
    """What a user's source has raised, at its own line.

    doing: what was done, up to the error's own words; hint: what helps, where the error says no better; own: what helps
    where the mistake is the source's own, the hint by default."""
    place = failing_line(error, file)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        message = f"{doing}{in_words(error)}"
        told = f"install the package that has {package}; where it is your own, name its folder in PYTHONPATH"
        return ArchbuilderError(MISSING_PACKAGE.at(place, message, told))
    return ArchbuilderError(code.at(place, f"{doing}{in_words(error)}", _own_mistake(error) or own or hint))


def _own_mistake(error: BaseException) -> str:
    """What helps where the source itself is wrong, whatever it is given; empty where that may be otherwise."""
    if isinstance(error, UnboundLocalError):
        return "this is the source's own mistake: the name is used before it has a value"
    if isinstance(error, NameError):
        found = re.search(r"name '(\w+)' is not defined", str(error))
        return f"this is the source's own mistake: import or define {found[1] if found else 'the name'}"
    if isinstance(error, AttributeError):
        return "this is the source's own mistake: the attribute is misspelt, or was never set"
    if isinstance(error, NotImplementedError):
        return "the class has no forward of its own, or leaves a method to its subclasses: name one that has all"
    if isinstance(error, ImportError):
        return "the package has nothing of that name: another version of it may"
    return ""


def in_words(error: BaseException) -> str:
    """Its type and text, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
