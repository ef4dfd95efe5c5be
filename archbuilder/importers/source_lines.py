"""Finds lines of the user's source: where code is running, and where an error occurred."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Container, Iterable
from pathlib import Path
from types import CodeType, FrameType

import torch

from archbuilder.diagnostics import Span


def _folders(*paths: str) -> tuple[str, ...]:
    return tuple(f"{path}{os.sep}" for path in dict.fromkeys(paths))


_OWN = _folders(*(str(Path(file).parent) for file in (torch.__file__, __file__)))
_INSTALLED = _folders(*(sysconfig.get_path(name) for name in ("purelib", "platlib")))
_PYTHON = _folders(*(sysconfig.get_path(name) for name in ("stdlib", "platstdlib")))


def _is_foreign(file: str) -> bool:
    """Whether a file belongs to torch, archbuilder or Python, and so is not the place of a model's mistake."""
    return file.startswith(("<", *_OWN)) or (file.startswith(_PYTHON) and not is_installed(file))


def is_installed(file: str) -> bool:
    """Whether a file belongs to an installed package."""
    return file.startswith(_INSTALLED)


def _place(lines: Iterable[tuple[str, int | None]], fallback: str) -> Span:
    """The first of these lines (innermost first) in the user's own code, else in an installed package."""
    known = [(file, line) for file, line in lines if line and not _is_foreign(file)]
    own = [(file, line) for file, line in known if not is_installed(file)]
    for file, line in (own or known)[:1]:
        return Span(shown(file), line, 1, line, 1)
    return Span(fallback)


def running_line(fallback: str, start: CodeType) -> Span:
    """The line of the user's source that is running below `start`; the fallback if only torch's own modules are."""
    lines: list[tuple[str, int | None]] = []
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code is not start:
        lines.append((frame.f_code.co_filename, frame.f_lineno))
        if not _is_foreign(lines[-1][0]) and not is_installed(lines[-1][0]):
            break
        frame = frame.f_back
    return _place(lines, fallback)


def running_below(codes: Container[CodeType], start: CodeType) -> bool:
    """Whether one of these code objects is running below `start`."""
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code is not start:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False


def failing_line(error: BaseException, fallback: Span) -> Span:
    """The innermost line of the user's source in the traceback of an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    found = _place([(frame.filename, frame.lineno) for frame in reversed(frames)], fallback.file)
    return found if found.line else fallback


def defining_line(kind: type, method: str, fallback: str) -> Span:
    """The place where a method of the user's source is defined; the fallback for methods of torch or in C."""
    function = inspect.getattr_static(kind, method, None)
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    return _place([(code.co_filename, code.co_firstlineno)] if code else [], fallback)


def shown(file: str) -> str:
    """A path for messages: relative if it is below the working folder."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
