"""The standard streams, whatever they lead to: a reader that has gone, a full disk, nothing at all.

What is printed is lost there, and that is all: a command does what it was asked to, and its exit status says how that
went.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

from archbuilder.reporting.style import READABLE, encoding_of


class Sink(io.FileIO):
    """A file descriptor that takes what can be written, and drops everything after the first thing that cannot.

    lost: why.
    """

    lost: OSError | None = None

    def write(self, data: Any) -> int:
        if self.lost is None:
            try:
                return super().write(data)
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes


def prepare() -> None:
    """Make the standard streams of this process such, and the text in them readable."""
    _occupy()
    sys.stdout, sys.stderr = _tolerant(sys.stdout), _tolerant(sys.stderr)


def unwritten() -> OSError | None:
    """Why standard output could not be written; None where it was, or where nobody reads it (`| head`)."""
    raw: Any = getattr(sys.stdout, "buffer", None)
    lost: OSError | None = getattr(getattr(raw, "raw", raw), "lost", None)
    return None if isinstance(lost, BrokenPipeError) else lost


def _occupy() -> None:
    """Open what is closed of descriptors 0, 1 and 2: a file of ours would get its number, and what a library
    prints there would go into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number, which is this one


def _tolerant(stream: TextIO | None) -> TextIO:
    if stream is None:  # as by >&-, or in a window without a console
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    encoding, buffer = encoding_of(stream), stream.buffer
    if type(getattr(buffer, "raw", buffer)) is not io.FileIO:  # a console of Windows
        stream.reconfigure(encoding=encoding, errors=READABLE)
        return stream
    stream.flush()
    sink: Any = Sink(stream.fileno(), "wb", closefd=False)
    if not stream.write_through:  # as python -u does
        sink = io.BufferedWriter(sink)
    return io.TextIOWrapper(
        sink, encoding, READABLE, line_buffering=stream.line_buffering, write_through=stream.write_through
    )
