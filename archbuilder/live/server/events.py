"""What changes on the disk, for every page that is open: which file, and what it is by now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from watchfiles import Change, awatch

from archbuilder.live.folder import ENDINGS, Folder, Refused
from archbuilder.live.server.runs import TELLING
from archbuilder.sources import is_run

HEARTBEAT = 15.0  # seconds after which a page that is gone is noticed
STEP = 100  # milliseconds in which changes are told together
NOT_LOOKED_AT = {".git", ".venv", "node_modules", "__pycache__"}


class Events:
    """Tells the pages; each has a queue of its own."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._pages: set[asyncio.Queue[str]] = set()

    async def watch(self) -> None:
        """Runs as long as the server does."""
        root = self.folder.root
        try:
            await self._watch(root, recursive=True)
        except OSError:  # the system watches no more folders
            await self._watch(root, recursive=False)

    async def _watch(self, root: Path, recursive: bool) -> None:
        async for changes in awatch(root, watch_filter=_is_looked_at, step=STEP, recursive=recursive):
            for event in await asyncio.to_thread(self._told, changes):
                for page in self._pages:
                    page.put_nowait(event)

    def _told(self, changes: Iterable[tuple[Change, str]]) -> list[str]:
        """An event for each run and each file that has changed."""
        root = self.folder.root
        paths = sorted({Path(path) for _, path in changes})
        runs = {path.parent: None for path in paths if path.name in TELLING and is_run(path.parent)}
        files = [path.relative_to(root).as_posix() for path in paths if path.name.endswith(ENDINGS)]
        return [
            *(message("runs", {"path": run.relative_to(root).as_posix()}) for run in runs),
            *(message("file", {"path": name, "revision": self._revision(name)}) for name in files),
        ]

    def _revision(self, name: str) -> str | None:
        """None where the file is gone; empty where it is there and cannot be read."""
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


def _is_looked_at(change: Change, path: str) -> bool:
    parts = Path(path)
    is_ours = parts.name.endswith(ENDINGS) or parts.name in TELLING
    return is_ours and not parts.name.startswith(".") and not NOT_LOOKED_AT & set(parts.parts)
