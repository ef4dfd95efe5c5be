"""The standard streams when output fails: the reader is gone, the disk is full, or the stream is closed.

Then only the output is lost: the command still does its work, and its exit status reports the result.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

from archbuilder.reporting.style import READABLE, encoding_of


class Sink(io.FileIO):
    """A file descriptor that writes until the first error and drops all later output.

    lost: the reason.
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
    """Replace the standard streams of this process by sinks, with an encoding that cannot fail."""
    _occupy()
    sys.stdout, sys.stderr = _tolerant(sys.stdout), _tolerant(sys.stderr)


def unwritten() -> OSError | None:
    """Why standard output could not be written; None if it was, or if nobody reads it (`| head`)."""
    raw: Any = getattr(sys.stdout, "buffer", None)
    lost: OSError | None = getattr(getattr(raw, "raw", raw), "lost", None)
    return None if isinstance(lost, BrokenPipeError) else lost


def _occupy() -> None:
    """Open closed descriptors among 0, 1 and 2. Otherwise a file opened later would get such a number, and output of
    libraries would be written into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number, which is this one


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
