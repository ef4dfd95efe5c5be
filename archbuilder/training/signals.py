"""SIGTERM, as schedulers send it some seconds before they end a process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Ending:
    """Has SIGTERM come?  A second one changes nothing: a launcher repeats what the scheduler has sent."""

    asked: bool = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """SIGTERM only sets `asked` in here; afterwards it does again what it did before.

        Outside the main thread, where Python hears no signals, nothing changes.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)

    def _hear(self, number: int, frame: Any) -> None:
        self.asked = True
