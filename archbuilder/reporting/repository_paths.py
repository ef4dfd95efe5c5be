"""Paths of findings relative to the root of the repository, for tools that do not know our working folder."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from archbuilder.diagnostics import Span


def is_file(span: Span) -> bool:
    """Whether a place is in a file or is a file, not standard input, a text from Python, or an option."""
    return not span.is_option and not (span.file.startswith("<") and span.file.endswith(">"))


def in_repository(file: str) -> str:
    """The path from the root of the repository, with slashes; unchanged if it is outside or the root is unknown.

    GitHub Actions gives the root in GITHUB_WORKSPACE; otherwise the current folder is used."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or os.curdir)
    try:
        return Path(os.path.abspath(file)).relative_to(os.path.abspath(root)).as_posix()
    except ValueError:
        return Path(file).as_posix()


def uri(file: str) -> str:
    """A relative reference from the root of the repository; file://... for a file outside."""
    path = in_repository(file)
    if os.path.isabs(path) or path.startswith("../"):
        return Path(os.path.abspath(file)).as_uri()
    return quote(os.fsencode(path))
