"""Changes on the disk, reported to every open page: the file and its new revision."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

from watchfiles import Change, awatch

from archbuilder.live.folder import DEEPEST, ENDINGS, MOST, Folder, Refused
from archbuilder.live.server.runs import TELLING
from archbuilder.sources import is_run

HEARTBEAT = 15.0  # seconds between signs of life, by which closed pages are noticed
STEP = 100  # milliseconds in which changes are collected into one event
QUIET = 1_000  # milliseconds without a change after which a new folder is scanned again
NOT_LOOKED_AT = {"node_modules", "__pycache__"}


class Events:
    """Distributes changes to the pages; each has its own queue."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._pages: set[asyncio.Queue[str]] = set()
        self._new: set[Path] = set()  # folders that have just appeared

    async def watch(self) -> None:
        """Run as long as the server runs."""
        try:
            await self._watch(recursive=True)
        except OSError:  # the system cannot watch more folders
            await self._watch(recursive=False)

    async def _watch(self, recursive: bool) -> None:
        changed = awatch(
            self.folder.root,
            watch_filter=self._is_looked_at,
            step=STEP,
            recursive=recursive,
            rust_timeout=QUIET,
            yield_on_timeout=True,
        )
        async for changes in changed:
            for event in await asyncio.to_thread(self._told, changes):
                for page in self._pages:
                    page.put_nowait(event)

    def _told(self, changes: Iterable[tuple[Change, str]]) -> list[str]:
        """An event for each changed run or file, and for each deleted folder."""
        paths = {Path(path) for _, path in changes}
        folders = {Path(path) for change, path in changes if change is Change.added and os.path.isdir(path)}
        # the content of a new folder is not reported: the system starts watching it a moment later
        paths |= {path for folder in folders | self._new for path in self._inside(folder)}
        self._new = folders
        runs = {path.parent: None for path in sorted(paths) if path.name in TELLING and is_run(path.parent)}
        files = sorted(self._name(path) for path in paths if path.name.endswith(ENDINGS) and not path.is_dir())
        gone = sorted(Path(path) for change, path in changes if change is Change.deleted)
        return [
            *(message("runs", {"path": self._name(run)}) for run in runs),
            *(message("file", {"path": name, "revision": self._revision(name)}) for name in files),
            *(message("gone", {"path": self._name(path)}) for path in gone if not _tells(path)),
        ]

    def _inside(self, folder: Path) -> Iterator[Path]:
        """The files of a folder and of those below it that a page shows, as far as they are listed."""
        for count, (here, below, names) in enumerate(os.walk(folder)):
            deep = len(Path(here).relative_to(self.folder.root).parts)
            below[:] = [name for name in below if deep < DEEPEST and _is_open(name)] if count < MOST else []
            yield from (path for name in names if _tells(path := Path(here, name)))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder.root).as_posix()

    def _is_looked_at(self, change: Change, path: str) -> bool:
        """Whether pages need this change: a file that they show, a new folder, or a possibly deleted folder."""
        parts = Path(path).relative_to(self.folder.root).parts
        known = _tells(Path(path)) or change is Change.deleted or (change is Change.added and os.path.isdir(path))
        return known and all(map(_is_open, parts))

    def _revision(self, name: str) -> str | None:
        """The revision of a file: None if it was deleted, empty if it cannot be read."""
        try:
            return self.folder.read(name).revision
        except Refused as refused:
            return None if refused.status == 404 else ""

    async def stream(self) -> AsyncIterator[str]:
        """The events from now on, as server-sent events."""
        page: asyncio.Queue[str] = asyncio.Queue()
        self._pages.add(page)
        try:
            yield ": open\n\n"
            while True:
                try:
                    yield await asyncio.wait_for(page.get(), HEARTBEAT)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._pages.discard(page)


def message(kind: str, data: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def _tells(path: Path) -> bool:
    return path.name.endswith(ENDINGS) or path.name in TELLING


def _is_open(name: str) -> bool:
    return not name.startswith(".") and name not in NOT_LOOKED_AT
