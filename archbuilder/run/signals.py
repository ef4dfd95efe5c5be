"""Ctrl-C (SIGINT), and SIGTERM as schedulers send it some seconds before they end a process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from signal import Signals
from typing import Any

from archbuilder.run.processes import launched

HOW = {Signals.SIGINT: "interrupted", Signals.SIGTERM: "ended by SIGTERM"}
AGAIN = b"\nstopping as soon as this batch can be kept; Ctrl-C again ends at once\n"


@dataclass
class Ending:
    """The first signal that has asked the run to end, if any has.

    patient: whether a signal is only noted, because the caller looks at `asked` between two batches.
    """

    asked: Signals | None = None
    patient: bool = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """In here the signals raise KeyboardInterrupt, once, unless `patient`; and then a second Ctrl-C does.

        Afterwards they do again what they did before.  One that is ignored (as under nohup) stays so.  Outside the
        main thread, where Python hears no signals, nothing changes.
        """
        with ExitStack() as stack:
            if threading.current_thread() is threading.main_thread():
                for number in HOW:
                    before = signal.getsignal(number)
                    if before is not signal.SIG_IGN:
                        signal.signal(number, self._hear)
                        stack.callback(signal.signal, number, before or signal.SIG_DFL)
            yield

    @contextmanager
    def between_batches(self) -> Iterator[None]:
        self.patient = True
        try:
            yield
        finally:
            self.patient = False

    def _hear(self, number: int, frame: Any) -> None:
        before, self.asked = self.asked, self.asked or Signals(number)
        if launched() and before:
            return  # a launcher repeats what it has been sent
        if not self.patient or before == number == Signals.SIGINT:
            raise KeyboardInterrupt
        if number == Signals.SIGINT and sys.stderr and sys.stderr.isatty():
            with suppress(OSError):
                os.write(sys.stderr.fileno(), AGAIN)  # a print could come in the middle of another one
