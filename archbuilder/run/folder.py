"""The run folder OUT/NAME/TIME: made whole, held by one process, every file replaced in one step.

architecture.yaml   what is trained, in one file: the YAML as it was read, or with all that it extends and all overrides
sources/            the YAML as it was read, and its bases and rule packs, where architecture.yaml is not all of it
facts.json          what `check` found, and the recipe with every default filled in
dataset.json        its classes, the mean and deviation of its channels, how many images each split has, their digests
environment.json    versions, seed, device, threads, command, overrides
metrics.jsonl       one object per epoch
last.pt, best.pt    checkpoints of the last and of the best finished epoch; last-1.pt, last-2.pt of those before
midway.pt           a checkpoint from the middle of an epoch, until that is finished
weights.safetensors the weights that the last epoch ended with, with their checksum, as soon as the run is finished
int8.safetensors    the same network in integers, where `archbuilder quantize` has made it
curves.png          loss and accuracy over the epochs
samples.png         training images, and what the first epochs make of them
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import MAX_TEXT, read_regular, write_whole
from archbuilder.reporting.memory import size_of
from archbuilder.run.locks import abandoned, locked
from archbuilder.run.result import typed
from archbuilder.sources import ARCHITECTURE as ARCHITECTURE  # a run's files that are read without training, too
from archbuilder.sources import ENVIRONMENT as ENVIRONMENT
from archbuilder.sources import METRICS as METRICS
from archbuilder.sources import NO_RUN as NO_RUN
from archbuilder.sources import newest_run_below

FACTS = "facts.json"
DATASET = "dataset.json"
LAST = "last.pt"
BEST = "best.pt"
MIDWAY = "midway.pt"
WEIGHTS = "weights.safetensors"
CURVES = "curves.png"
SAMPLES = "samples.png"
MAX_KEPT = 10_000
HIDDEN = ".starting-"  # what a folder is called before it is published

WRITE = declare(
    "AB701",
    "a run folder that cannot be written",
    why=(
        "A run keeps its checkpoints and its log in its own folder. The folder cannot be created or written; files "
        "that were written before are kept."
    ),
    bad="""\
$ touch runs
$ archbuilder train net.yaml --no-report""",
    good="$ archbuilder train net.yaml --no-report --out elsewhere",
)
SPACE = declare(
    "AB730",
    "a disk that is too full for a run",
    exit_status=2,
    why="Whether a checkpoint fits on the disk is tested before the first epoch, not after the last.",
    bad="$ archbuilder train net.yaml --out /full  # where no room is left",
    good="$ archbuilder train net.yaml --out /large",
)
HELD = declare(
    "AB703",
    "a run that another process is training",
    exit_status=2,
    why=(
        "Two processes that train the same run would overwrite each other's checkpoints. The lock is released when its "
        "process ends, even if it is killed."
    ),
    bad="$ archbuilder train --resume runs/net/2026-01-31T12-00-00  # while another process trains it",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train --resume runs/net/*""",
)


def older(path: Path) -> list[str]:
    """The checkpoints before last.pt that a folder has, the newest first."""
    return sorted((found.name for found in path.glob("last-*.pt")), key=lambda name: (len(name), name))


def row(keep: int) -> list[str]:
    """The names of the checkpoints before last.pt where so many are kept; no run keeps more than MAX_KEPT."""
    return [f"last-{number}.pt" for number in range(1, min(keep, MAX_KEPT))]


class RunFolder:
    """A run's files.  Writing raises ArchbuilderError AB701 and leaves the old file as it was."""

    AGAIN = "train"  # the command that goes on with it

    def __init__(self, path: Path, published: bool) -> None:
        self.path = path
        self.published = published

    def write(self, name: str, data: bytes | str, older: Sequence[str] = ()) -> None:
        """Replace a file of the run in one step; its content so far becomes the first of `older`, and so on."""
        try:
            row, temporary = [self.path / other for other in older], self.path / f"{name}.tmp"  # `opened` looks for it
            if temporary.parent != self.path:
                temporary.parent.mkdir(exist_ok=True)
            write_whole(self.path / name, data.encode() if isinstance(data, str) else data, row, temporary)
        except OSError as error:
            raise self._unwritable(name, error) from None

    def ready(self) -> None:
        """Check that the folder takes a file, before long work is done for it.  Raises ArchbuilderError AB701."""
        try:
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise self._unwritable(self.path.name, error) from None

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, indent=2) + "\n")

    def has(self, name: str, text: str | None = None) -> bool:
        """Is there such a file (with just this text)?"""
        path = self.path / name
        return path.is_file() and (text is None or path.read_bytes() == text.encode())

    def remove(self, name: str) -> None:
        with suppress(OSError):
            (self.path / name).unlink(missing_ok=True)

    def need(self, size: int, runs: int = 1) -> None:
        """Raises ArchbuilderError AB730 where the disk has no room for so many bytes of each of so many runs."""
        free = shutil.disk_usage(self.path).free
        if free < size * runs:
            needed = "the run needs" if runs == 1 else f"{runs} runs need"
            message = f"{size_of(free)} are free, and {needed} about {size_of(size * runs)}"
            hint = "free some, keep fewer checkpoints (--keep 1), or choose another place with --out"
            shown = next(folder for folder in self.path.parents if not folder.name.startswith(HIDDEN))
            raise ArchbuilderError(SPACE.at(Span(str(shown)), message, hint))

    def read(self, name: str) -> bytes:
        """A file of the run.  Raises ArchbuilderError AB702 where it is missing."""
        try:
            return read_regular(self.path / name, MAX_TEXT)
        except OSError as error:
            message = f"{name} cannot be read: {error.strerror}"
            raise ArchbuilderError(NO_RUN.at(Span(str(self.path)), message, _runs_below(self.path))) from None

    def publish(self, name: str | None = None) -> None:
        """Give the folder its name, the time unless said; never a name that is taken, even in the same second."""
        name = name or datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
        for number in count(1):
            target = self.path.parent / (name if number == 1 else f"{name}-{number}")
            if target.exists():
                continue
            try:
                os.rename(self.path, target)
            except OSError as error:
                if target.exists():
                    continue  # another run took the name a moment before
                raise self._unwritable(target.name, error) from None
            self.path, self.published = target, True
            return

    def _unwritable(self, name: str, error: OSError) -> ArchbuilderError:
        message = f"{name} cannot be written: {error.strerror or error}"
        if self.published:
            hint = f"older files are kept: fix the problem, then {typed(self.AGAIN, '--resume', self.path)}"
        else:
            hint = "choose another place with --out"
        return ArchbuilderError(WRITE.at(Span(str(self.path)), message, hint))


class Onlooker(RunFolder):
    """The same folder for a process that is not the first one: it may only read."""

    def write(self, name: str, data: bytes | str, older: Sequence[str] = ()) -> None:
        pass

    def remove(self, name: str) -> None:
        pass

    def need(self, size: int, runs: int = 1) -> None:
        pass

    def publish(self, name: str | None = None) -> None:
        self.published = True


@contextmanager
def created(parent: Path) -> Iterator[RunFolder]:
    """A new run folder in OUT/NAME, hidden until `publish`; what was not published is removed again.

    So a visible run can always be continued, and a mistake before the first epoch leaves nothing.  What a process that
    was killed before that has left is removed, too.
    """
    for leftover in parent.glob(f"{HIDDEN}*"):
        _remove_abandoned(leftover)
    with ExitStack() as stack:
        folder = RunFolder(_hidden(parent, stack), published=False)
        try:
            yield folder
        finally:
            if not folder.published:
                shutil.rmtree(folder.path, ignore_errors=True)
                with suppress(OSError):
                    parent.rmdir()


def _hidden(parent: Path, stack: ExitStack) -> Path:
    """A new folder that is held; another process may have taken the first one for abandoned before it was."""
    while True:
        path = parent / f"{HIDDEN}{secrets.token_hex(4)}"
        try:
            path.mkdir(parents=True)
        except OSError as error:
            message = f"no run folder can be created here: {error.strerror}"
            raise ArchbuilderError(WRITE.at(Span(str(parent)), message, "choose another place with --out")) from None
        with suppress(FileNotFoundError):
            stack.enter_context(locked(path))
        if path.exists():
            return path


def _remove_abandoned(path: Path) -> None:
    """Remove the hidden folder of a run whose process has ended."""
    with suppress(OSError), abandoned(path) as ended:
        if ended:
            shutil.rmtree(path.rename(path.with_name(f"{path.name}-gone")), ignore_errors=True)


@contextmanager
def opened(path: Path) -> Iterator[RunFolder]:
    """An existing run folder, held; left-overs of a killed process are removed.

    Raises ArchbuilderError AB703 while another process trains this run.
    """
    with locked(path) as mine:
        if not mine:
            message = "another process is training this run"
            raise ArchbuilderError(HELD.at(Span(str(path)), message, "wait for it, or stop it first"))
        for leftover in path.glob("*.tmp"):
            with suppress(OSError):
                leftover.unlink()
        yield RunFolder(path, published=True)


def _runs_below(path: Path) -> str:
    with suppress(OSError):  # a name that is too long
        if path.is_file():
            return "a run is a folder: give the one that archbuilder train printed, or train the file first"
    newest = newest_run_below(path)
    return f"did you mean {newest}?" if newest else "a run folder is OUT/NAME/TIME, as train printed it"
