"""Lines of the user's source: where something runs, and where something failed."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from types import CodeType, FrameType

import torch

from archbuilder.diagnostics import Span

_OWN = tuple(f"{Path(file).parent}{os.sep}" for file in (torch.__file__, __file__))  # what is no user's source


def running_line(fallback: str, start: CodeType) -> Span:
    """The line of the user's source that runs below `start`; the fallback where only torch's own modules do."""
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code.co_filename.startswith(_OWN):
        if frame.f_code is start:
            return Span(fallback)
        frame = frame.f_back
    return Span(shown(frame.f_code.co_filename), frame.f_lineno, 1, frame.f_lineno, 1) if frame else Span(fallback)


def failing_line(error: BaseException, fallback: str) -> Span:
    """The innermost line of the user's source that an exception came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OWN)]
    if not frames or frames[-1].lineno is None:
        return Span(fallback)
    return Span(shown(frames[-1].filename), frames[-1].lineno, 1, frames[-1].lineno, 1)


def shown(file: str) -> str:
    """A path as a reader wants it: relative, where it lies below the working folder."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
