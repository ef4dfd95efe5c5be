"""The meaning of an exception in the user's source: a missing package, a mistake in the source, or a wrong input."""

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
OF_INPUT = (RuntimeError, ValueError, IndexError, AssertionError)  # exceptions that torch raises for a wrong image size

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
    """Raises ArchbuilderError AB815 if a module failed because it runs on only one batch size.

    run: runs it on a number of images. place: used if the error has no line in the user's source.
    Tries 1 and the numbers in the failing lines and in the error's text."""
    if _runs(run, BATCH):  # it failed only because of the recording
        return
    lines = [frame.line or "" for frame in traceback.extract_tb(error.__traceback__)]
    numbers = map(int, re.findall(r"(?<!\d)[1-9]\d{0,2}(?!\d)", " ".join([*lines, str(error)])))
    for count in list(dict.fromkeys([1, *numbers]))[:MAX_TRIES]:
        if not _runs(run, count):
            continue
        images = f"{count} images" if count > 1 else "one image"
        message = f"{name} runs only on {images} at once: the number is written in its code"
        hint = f"write x.size(0) instead of {count}, or flatten(1)"
        raise ArchbuilderError(FIXED_BATCH.at(failing_line(error, place), message, hint)) from error


def _runs(run: Callable[[int], Tensor], count: int) -> bool:
    """Whether there is one output per image: outputs may have been repeated to a fixed batch size."""
    try:
        with torch.no_grad():
            return len(run(count)) == count
    except Exception:
        return False


def failed(error: BaseException, code: Code, doing: str, place: Span, hint: str, own: str = "") -> ArchbuilderError:
    """The error for an exception in the user's source, at its line, or at `place` if it has none.

    doing: the beginning of the message, before the exception's text.
    hint:  the remedy, unless the exception suggests a better one.
    own:   the remedy if the mistake is in the source itself; by default `hint`."""
    place = failing_line(error, place)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        message = f"{doing}{in_words(error)}"
        told = f"install the package that contains {package}; if it is your own code, add its folder to PYTHONPATH"
        return ArchbuilderError(MISSING_PACKAGE.at(place, message, told))
    return ArchbuilderError(code.at(place, f"{doing}{in_words(error)}", _own_mistake(error) or own or hint))


def _own_mistake(error: BaseException) -> str:
    """The remedy for a mistake in the source itself, independent of the input; empty if it may depend on the input."""
    if isinstance(error, UnboundLocalError):
        return "this is a mistake in the source: the name is used before it has a value"
    if isinstance(error, NameError):
        found = re.search(r"name '(\w+)' is not defined", str(error))
        return f"this is a mistake in the source: import or define {found[1] if found else 'the name'}"
    if isinstance(error, AttributeError) and "before Module.__init__()" in str(error):
        return "this is a mistake in the source: call super().__init__() first"
    if isinstance(error, AttributeError):
        return "this is a mistake in the source: the attribute is misspelt, or was never set"
    if isinstance(error, NotImplementedError):
        return "the class has no forward, or an abstract method: name a class that implements everything"
    if isinstance(error, ImportError):
        return "the package has nothing of that name; another version may have it"
    return ""


def in_words(error: BaseException) -> str:
    """The type and text of an exception on one line; if the text contains a traceback, its last error."""
    lines = str(error).strip().splitlines()
    if any(line.startswith("Traceback") for line in lines):
        lines = [lines[-1].removeprefix(f"{type(error).__name__}: ")]
    text = " ".join(" ".join(lines).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
