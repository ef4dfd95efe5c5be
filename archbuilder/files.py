"""Files: only those of a known size are read, and writing leaves them whole at every moment.

What is read may lie anywhere and be named by a file of somebody else's: a pipe would be waited for without end, a
device has no end, and a file of some gigabytes takes the memory.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, BinaryIO

MAX_TEXT = 64 * 2**20  # bytes of a log or of notes: half a million epochs
MAX_IMAGE = 256 * 2**20  # bytes of an image file
MAX_WEIGHTS = 8 * 2**30  # bytes of a checkpoint: 400 million parameters with their optimizer's state and averages
DEEPEST = 100  # lists within lists in JSON


class TooLarge(OSError):
    """A file that has more bytes than one of its kind may have."""


def cache_folder() -> Path:
    """The user's folder for what can be made or fetched again; it may not be there yet."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "archbuilder" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "archbuilder"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "archbuilder"


def regular(path: str | os.PathLike[str], at_most: int) -> Path:
    """The path of an ordinary file of so many bytes, for a library that opens it by its path.

    Raises OSError, with the reason as its `strerror`: it is not there, or is a folder, a pipe or a device, or is too
    large (TooLarge).
    """
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "this is not an ordinary file", str(path))
    if found.st_size > at_most:
        raise _too_large(at_most)
    return Path(path)


def read_regular(path: str | os.PathLike[str], at_most: int) -> bytes:
    """The content of an ordinary file of at most so many bytes.  Raises OSError as `regular` does."""
    with regular(path, at_most).open("rb") as stream:  # a file of /proc may have more than its size says
        return within(stream, at_most)


def lies_within(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    """Whether a path, all links followed, leads into a folder; it need not exist."""
    try:
        return Path(path).resolve().is_relative_to(Path(folder).resolve())
    except (OSError, ValueError, RuntimeError):  # a name that no file has, links in a circle
        return False


def within(stream: BinaryIO, at_most: int) -> bytes:
    """All that a stream still has, where that is at most so many bytes.  Raises TooLarge."""
    data = stream.read(at_most + 1)
    if len(data) > at_most:
        raise _too_large(at_most)
    return data


def json_of(text: str | bytes) -> Any:
    """JSON as plain data.  Raises ValueError for what is none, or is nested deeper than anything of ours."""
    import json  # only what reads a run or a pack of weights pays for it

    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deep") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return value
    raise ValueError("nested too deep")


def _within(value: Any) -> Iterator[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, (dict, list)))


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _too_large(at_most: int) -> TooLarge:
    unit, name = next((u, n) for u, n in ((2**30, "GiB"), (2**20, "MiB"), (1, "bytes")) if at_most >= u)
    return TooLarge(errno.EFBIG, f"the file is larger than {at_most // unit:,} {name}")


def write_whole(
    path: Path, data: bytes | Iterable[bytes], older: Sequence[Path] = (), temporary: Path | None = None
) -> None:
    """Replace a file's content in one step that survives a kill and a power cut; its mode stays.

    path:      of the file itself: a link would be replaced.
    data:      all of it, or piece by piece.
    older:     where the content so far goes, and where that one's went, and so on; the last one's is dropped.
               A kill in between may leave a name of the row without its file; the next call fills it again.
    temporary: the file beside it that is written first, and may be there already; else one that nobody has.
    Raises OSError (a full disk, say): then the old file stands untouched, and nothing lies beside it.
    """
    mode = "wb" if temporary else "xb"
    temporary = temporary or path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open(mode) as stream:
            stream.writelines([data] if isinstance(data, bytes) else data)
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
