"""Files: reading with a size limit, and atomic writing.

The paths may come from a file of another person. Reading a pipe would wait forever, a device has no end, and a file of
several gigabytes would fill the memory.
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

MAX_TEXT = 64 * 2**20  # bytes of a log or another text file: half a million epochs
MAX_IMAGE = 256 * 2**20  # bytes of an image file
MAX_WEIGHTS = 8 * 2**30  # bytes of a checkpoint: 400 million parameters with their optimizer's state and averages
DEEPEST = 100  # lists within lists in JSON


class TooLarge(OSError):
    """A file that is larger than the limit for its kind."""


def cache_folder() -> Path:
    """The user's cache folder, for files that can be made or downloaded again; it may not exist yet."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "archbuilder" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "archbuilder"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "archbuilder"


def regular(path: str | os.PathLike[str], at_most: int) -> Path:
    """The path of an ordinary file of at most so many bytes, for a library that opens it by its path.

    Raises OSError with the reason as its `strerror`: the file does not exist, is a folder, a pipe or a device, or is
    too large (TooLarge).
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
    with regular(path, at_most).open("rb") as stream:  # a file in /proc may be longer than its size
        return within(stream, at_most)


def lies_within(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    """Whether a path lies in a folder after all links are followed; it need not exist."""
    try:
        return Path(path).resolve().is_relative_to(Path(folder).resolve())
    except (OSError, ValueError, RuntimeError):  # an invalid name, a cycle of links
        return False


def within(stream: BinaryIO, at_most: int) -> bytes:
    """The rest of a stream, if it has at most so many bytes. Raises TooLarge."""
    data = stream.read(at_most + 1)
    if len(data) > at_most:
        raise _too_large(at_most)
    return data


def json_of(text: str | bytes) -> Any:
    """JSON as plain data. Raises ValueError if it is invalid or nested deeper than DEEPEST."""
    import json  # imported here to keep the start of other commands fast

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
    """Replace the content of a file atomically, safe against a kill and a power failure; its mode is kept.

    path: the file itself: a link would be replaced. data: the whole content, or its pieces. older: names for the
    previous versions, newest first; the oldest version is deleted. A kill may leave one of these names without its
    file; the next call creates it again. temporary: the file in the same folder that is written first, and may exist
    already; by default a new name. Raises OSError (for example a full disk): then the old file is unchanged and the
    temporary file is removed.
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
    moving = len(list(takewhile(Path.exists, row)))  # up to the first free name
    for newer, older in reversed(list(pairwise(row[: moving + 1]))):
        os.replace(newer, older)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows needs nothing."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
