"""The files of the open folder: architectures and rule packs are listed, read, and saved if unchanged."""

from __future__ import annotations

import hashlib
import os
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from archbuilder.document.text import MAX_BYTES
from archbuilder.files import lies_within, read_regular, write_whole
from archbuilder.remedies.edits import Source
from archbuilder.sources import is_run

ENDINGS = (".yaml", ".yml")
DEEPEST, MOST = 6, 2_000  # bounds of the listing: levels of folders, and files


class Refused(Exception):
    """Raised if a file cannot be read or written: the reason as a sentence; `status` is the HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Changed(Refused):
    """Raised for a file that has changed since it was read; `now` is its content, None if it was deleted."""

    def __init__(self, now: Content | None) -> None:
        what = "has been changed by another program" if now else "is gone"
        super().__init__(f"The file {what} since it was read here; nothing was written.", 409)
        self.now = now


@dataclass(frozen=True)
class Content:
    """The content of a file: its text with plain line breaks, and the revision, a digest of its bytes."""

    text: str
    revision: str
    writable: bool
    newline: str = "\n"
    mark: bytes = b""


class Folder:
    """A folder; nothing outside it is read or written."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._saving = Lock()

    def files(self) -> Iterator[str]:
        """The paths of its architectures and rule packs, without those of runs."""
        count = 0
        for here, below, names in os.walk(self.root):
            inside = Path(here).relative_to(self.root)
            too_deep = len(inside.parts) >= DEEPEST
            below[:] = sorted(n for n in below if not (too_deep or n.startswith(".") or is_run(Path(here, n))))
            for name in sorted(names):
                if name.endswith(ENDINGS) and not name.startswith(".") and count < MOST:
                    count += 1
                    yield (inside / name).as_posix()

    def path(self, name: str) -> Path:
        """The path of a file in the folder. Raises Refused for any other file, also one behind a link."""
        path = self.root / name
        if not is_plain(name) or not name.endswith(ENDINGS) or not lies_within(path, self.root):
            raise Refused("There is no such file in the folder that is open.", 404)
        return path

    def read(self, name: str) -> Content:
        """The content of a file. Raises Refused if it does not exist or cannot be read."""
        path = self.path(name)
        try:
            data = read_regular(path, MAX_BYTES)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise Refused(f"{name} cannot be read: {error.strerror or error}.", 404 if missing else 422) from None
        return _content(path, data)

    def save(self, name: str, text: str, revision: str | None) -> Content:
        """Save a text into a file that still has the given revision, or with None into a new file.

        Line breaks and a byte order mark are kept. Raises Changed if the file has changed, Refused if it cannot be
        written."""
        with self._saving:
            path, now = self.path(name), self._now(name)
            if (now.revision if now else None) != revision:
                raise Changed(now)
            if now and not now.writable:
                raise Refused(f"{name} is read-only; nothing was written.", 403)
            newline, mark = (now.newline, now.mark) if now else ("\n", b"")
            data = mark + text.replace("\n", newline).encode("utf-8", "surrogatepass")
            if len(data) > MAX_BYTES:
                raise Refused(f"The text is larger than {MAX_BYTES // 2**20} MiB; nothing was written.", 413)
            try:
                data.decode("utf-8")
                write_whole(path.resolve(), data)
            except UnicodeError:
                raise Refused("The text contains an incomplete character; nothing was written.", 422) from None
            except OSError as error:
                reason = error.strerror or error
                raise Refused(f"{name} cannot be written: {reason}; its old content is unchanged.", 403) from None
            return _content(path, data)

    def _now(self, name: str) -> Content | None:
        try:
            return self.read(name)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise


def is_plain(name: str) -> bool:
    """Whether a name is a plain relative path downward, without hidden folders."""
    steps = name.split("/")
    return all(step and not step.startswith(".") for step in steps) and not {"\\", "\0", ":"} & set(name)


def revision_of(data: bytes) -> str:
    """A digest of these bytes."""
    return hashlib.sha256(data).hexdigest()


def _content(path: Path, data: bytes) -> Content:
    mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
    try:
        text = data[len(mark) :].decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{path.name} is not UTF-8 text.", 422) from None
    source = Source(text, str(path))
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    # respect the mode of the file even for root, who could write it
    writable = os.access(path, os.W_OK) and bool(path.stat().st_mode & 0o222)
    return Content(plain, revision_of(data), writable, source.newline, mark)
