"""What an exception out of a user's source means: a missing package, the source's own mistake, or a wrong input."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

import torch
from torch import Tensor

from archbuilder.diagnostics import ArchbuilderError, Code, Span, declare
from archbuilder.importers.recorder import BATCH
from archbuilder.importers.source_lines import failing_line

MAX_TRIES = 12  # batch sizes to try
OF_INPUT = (RuntimeError, ValueError, IndexError, AssertionError)  # what a wrong size of the image makes torch raise

MISSING_PACKAGE = declare(
    "AB814",
    "a model whose package is not installed",
    why="The model's file imports a package that is not installed in archbuilder's environment.",
    bad="""\
$ echo 'import no_such_package' >> model.py
$ archbuilder import model.py:Net --input 3x32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)


FIXED_BATCH = declare(
    "AB815",
    "a module with a fixed batch size",
    why=(
        "A batch may have any number of images: the last one of an epoch is smaller, and a prediction has one image. A "
        "module that has the batch size written into a shape runs on no other."
    ),
    bad="""\
$ archbuilder import model.py:FixedBatch --input 3x32x32""",
    good="""\
$ archbuilder import model.py:AnyBatch --input 3x32x32""",
)


def check_batch(error: BaseException, run: Callable[[int], Tensor], name: str, place: Span) -> None:
    """Raises ArchbuilderError AB815 where a module has failed because it runs on one number of images alone.

    run: runs it on so many.  place: where to point where the error has no line of the user's.
    Tried are 1 and the numbers in the lines that failed and in the error's text."""
    if _runs(run, BATCH):  # it failed because it was traced
        return
    lines = [frame.line or "" for frame in traceback.extract_tb(error.__traceback__)]
    numbers = map(int, re.findall(r"(?<!\d)[1-9]\d{0,2}(?!\d)", " ".join([*lines, str(error)])))
    for count in list(dict.fromkeys([1, *numbers]))[:MAX_TRIES]:
        if not _runs(run, count):
            continue
        images = f"{count} images" if count > 1 else "one image"
        message = f"{name} runs on {images} at once and on no other number: it is written into it"
        hint = f"write x.size(0) in place of the {count}, or flatten(1)"
        raise ArchbuilderError(FIXED_BATCH.at(failing_line(error, place), message, hint)) from error


def _runs(run: Callable[[int], Tensor], count: int) -> bool:
    """Whether there is an output for each of so many images: one may have been repeated to the number written down."""
    try:
        with torch.no_grad():
            return len(run(count)) == count
    except Exception:
        return False


def failed(error: BaseException, code: Code, doing: str, place: Span, hint: str, own: str = "") -> ArchbuilderError:
    """What a user's source has raised, at its own line, or at this place where it has none.

    doing: what was done, up to the error's own words; hint: what helps, where the error says no better; own: what helps
    where the mistake is the source's own, the hint by default."""
    place = failing_line(error, place)
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
    if isinstance(error, AttributeError) and "before Module.__init__()" in str(error):
        return "this is the source's own mistake: call super().__init__() first"
    if isinstance(error, AttributeError):
        return "this is the source's own mistake: the attribute is misspelt, or was never set"
    if isinstance(error, NotImplementedError):
        return "the class has no forward of its own, or leaves a method to its subclasses: name one that has all"
    if isinstance(error, ImportError):
        return "the package has nothing of that name: another version of it may"
    return ""


def in_words(error: BaseException) -> str:
    """Its type and text, on one line; of a traceback within the text what was raised."""
    lines = str(error).strip().splitlines()
    if any(line.startswith("Traceback") for line in lines):
        lines = [lines[-1].removeprefix(f"{type(error).__name__}: ")]
    text = " ".join(" ".join(lines).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
