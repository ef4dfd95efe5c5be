"""Files that are whole at every moment: the old content or the new, whatever happens between."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise, takewhile
from pathlib import Path


def write_whole(path: Path, data: bytes, older: Sequence[Path] = (), temporary: Path | None = None) -> None:
    """Replace a file's content in one step that survives a kill and a power cut; its mode stays.

    path:      of the file itself: a link would be replaced.
    older:     where the content so far goes, and where that one's went, and so on; the last one's is dropped.
               A kill in between may leave a name of the row without its file; the next call fills it again.
    temporary: the file beside it that is written first, and may be there already; else one that nobody has.
    Raises OSError (a full disk, say): then the old file stands untouched, and nothing lies beside it.
    """
    mode = "wb" if temporary else "xb"
    temporary = temporary or path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open(mode) as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        _move_down([path, *older])
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _move_down(row: Sequence[Path]) -> None:
    moving = len(list(takewhile(Path.exists, row)))  # up to the first name without a file, where there is room
    for newer, older in reversed(list(pairwise(row[: moving + 1]))):
        os.replace(newer, older)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; a system without this notion (Windows) needs nothing."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
