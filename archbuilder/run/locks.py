"""Locks on folders, each held by one process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

if sys.platform != "win32":
    import fcntl


PATIENCE = 1.0  # seconds for which a process that wants to hold a folder lets others look at it


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold a folder for this process; gives False if another one holds it.

    The lock is on the folder itself: it follows a rename, and ends with the process however
    that ends.  Where the system has no such lock (Windows, some network drives) it gives True.
    Raises OSError where the folder cannot be opened.
    """
    if sys.platform == "win32":
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _free(descriptor, fcntl.LOCK_EX, PATIENCE)
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Does another process hold a folder?  Raises OSError where it cannot be opened.

    The only way to find out is to take a lock: a shared one, so that those who look do not take each other for
    holders, and for an instant, which `locked` waits for.
    """
    if sys.platform == "win32":
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return not _free(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextmanager
def abandoned(folder: Path) -> Iterator[bool]:
    """Hold a folder, if the process that held it has ended; gives False where it has not, or the system does not tell.

    Raises OSError where the folder cannot be opened.
    """
    if sys.platform == "win32":
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held, or a file system without locks
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _free(descriptor: int, kind: int, patience: float = 0.0) -> bool:
    """Take a lock of some kind; False where that does not succeed within some seconds."""
    end = monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() < end:
                sleep(0.01)
                continue
            return False
        except OSError:
            pass  # a file system without locks
        return True
