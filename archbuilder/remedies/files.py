"""A file's text replaced as a whole: at every moment it has the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from codecs import BOM_UTF8
from contextlib import suppress
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span, declare

UNWRITTEN = declare(
    "AB941",
    "a file that could not be changed",
    exit_status=2,
    why=(
        "`--fix` replaces a file as a whole, or not at all: it may not be written, the disk is full, or "
        "somebody has changed it since it was read."
    ),
    bad="$ archbuilder check net.yaml --fix  # while an editor saves it",
    good="$ archbuilder check net.yaml",
)


def replace_text(file: str, before: str, after: str) -> None:
    """Put `after` into a file that holds `before`; its mode and a byte order mark stay, a link still leads to it.

    Raises ArchbuilderError AB941 where the file holds something else by now, or cannot be written."""
    try:
        path = Path(file).resolve(strict=True)
        data = path.read_bytes()
        mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
        if data[len(mark) :] != before.encode():
            message = "the file has changed since it was read, and is left as it is"
            raise ArchbuilderError(UNWRITTEN.at(Span(file), message, "run the command again"))
        _replace(path, mark + after.encode())
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise ArchbuilderError(UNWRITTEN.at(Span(file), message, "check its permissions")) from None


def _replace(path: Path, data: bytes) -> None:
    """Write a file beside it and give that its name."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, path.stat().st_mode & 0o7777)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
