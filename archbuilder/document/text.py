"""The text of a path, of standard input or of a YAML string, decoded as UTF-8 and bounded while it is read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import TooLarge, read_regular, within

MAX_BYTES = 4 * 2**20
LINE_BREAK = re.compile(r"\r\n|\r|\n")

MISSING = declare(
    "AB001",
    "a file is missing or unreadable",
    exit_status=2,
    why=(
        "The file does not exist, may not be read, or is a folder, a pipe or a device (reading one of those could wait "
        "forever)."
    ),
    bad="$ archbuilder check nets.yaml",
    good="$ archbuilder check net.yaml",
)
ENCODING = declare(
    "AB002",
    "a file is not UTF-8 text",
    why=(
        "YAML files are text in UTF-8. In another encoding the same bytes could be read as different characters on "
        "another machine."
    ),
    bad="""\
$ printf '# caf\\351\\n' | cat - net.yaml > latin1.yaml
$ archbuilder check latin1.yaml""",
    good="""\
$ printf '# caf\\303\\251\\n' | cat - net.yaml > utf8.yaml
$ archbuilder check utf8.yaml""",
)
BOUND = declare(
    "AB007",
    "a file that is too large, nested too deep or expands too far",
    why=(
        "With aliases of aliases, a few kilobytes of text can stand for millions of values. Files are therefore "
        "limited to 4 MiB, 100 levels, 100,000 values and numbers of 300 digits, so that a hostile or mistaken file is "
        "refused within milliseconds."
    ),
    bad="""\
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]""",
    good="- repeat: {times: 10, blocks: [{conv: 16}]}",
)

TextOf = Callable[[Path], tuple[str, str]]


@dataclass(slots=True)
class Reading:
    """State of reading several files that belong together: a file, its bases, its rule packs.

    The bounds apply to all of them together, so that many files cost no more than one. With `within`, no file outside
    that folder is read, whatever a file names and wherever a link leads. `text_of` maps a path to (name, text) if the
    files are not on disk."""

    characters: int = 0
    values: int = 0  # aliases expanded
    within: str = ""
    text_of: TextOf | None = None


def stem_of(file: str) -> str:
    """The default name of a network: the name of its file without the ending, restricted to allowed characters."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", PurePath(file).stem).strip("-._")
    return stem[:100] or "network"


def read_text(source: str | os.PathLike[str]) -> tuple[str, str]:
    """(name, text) of a path, of `-` (standard input), or of a YAML string.

    A string with a line break is YAML text itself.  Raises ArchbuilderError AB001, AB002, AB007.
    """
    if isinstance(source, str) and "\n" in source:
        return "<string>", source
    name = "<stdin>" if source == "-" else str(source)
    try:
        data = _standard_input() if source == "-" else read_regular(source, MAX_BYTES)
    except TooLarge as error:
        raise too_large(name, str(error.strerror)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "a YAML text needs a line break to be distinguished from a path" if ": " in name else "check the path"
        raise ArchbuilderError(MISSING.at(Span(name), f"cannot be read: {reason}", hint)) from None
    return name, decode(data, name)


def _standard_input() -> bytes:
    if sys.stdin is None:  # closed, as by <&-
        raise OSError("standard input is closed")
    return within(sys.stdin.buffer, MAX_BYTES)


def too_large(name: str, message: str) -> ArchbuilderError:
    """AB007 for a file that is not read."""
    return ArchbuilderError(BOUND.at(Span(name), message, "an architecture has some kilobytes"))


def decode(data: bytes, name: str) -> str:
    """The text of a file.  Raises ArchbuilderError AB002."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before, byte = error.object[: error.start].decode(), error.object[error.start]  # without the byte order mark
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "the file is UTF-16: save it as UTF-8" if utf16 else "save the file as UTF-8"
        place = place_in(name, before, len(before))
        raise ArchbuilderError(ENCODING.at(place, f"byte 0x{byte:02x} is not UTF-8", hint)) from None


def place_in(name: str, text: str, offset: int) -> Span:
    """The place of one character of a text."""
    lines = LINE_BREAK.split(text[:offset])
    line, column = len(lines), len(lines[-1]) + 1
    return Span(name, line, column, line, column + 1)
