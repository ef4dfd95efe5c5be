"""A file's text replaced as a whole: at every moment it has the old one or the new one."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.document import MAX_BYTES
from archbuilder.files import read_regular, write_whole

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
        data = read_regular(path, MAX_BYTES)
        mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
        if data[len(mark) :] != before.encode():
            message = "the file has changed since it was read, and is left as it is"
            raise ArchbuilderError(UNWRITTEN.at(Span(file), message, "run the command again"))
        write_whole(path, mark + after.encode())
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise ArchbuilderError(UNWRITTEN.at(Span(file), message, "check its permissions")) from None
