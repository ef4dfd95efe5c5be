"""Keeps a run safe while it trains: when a checkpoint is due, what it replaces, and what happens on a full disk.

A disk that fails after the first epoch does not stop the training: the last checkpoint that was written
stays, and the next one is tried in its time.  Only where the last epoch cannot be written the run fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from time import perf_counter

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.run import checkpoint
from archbuilder.run.folder import BEST, LAST, METRICS, MIDWAY, RunFolder, older, row
from archbuilder.run.result import Record, best_of
from archbuilder.run.signals import Ending
from archbuilder.training.learning.trainer import Trainer

NOTHING, SAVE, STOP, DOUBT = range(4)  # what a process may ask for between two batches
RESERVE = 4 * 2**20  # bytes for the files of a run that are no checkpoints


class Stop(Exception):
    """Training is to end here, between two batches: Ctrl-C or SIGTERM."""


class Keeper:
    """Writes the checkpoints of one run.  All its processes have one, and ask it at the same moments."""

    def __init__(self, trainer: Trainer, folder: RunFolder, ending: Ending) -> None:
        self.trainer, self.folder, self.ending = trainer, folder, ending
        options = trainer.plan.options
        assert options.keep is not None and options.minutes is not None
        self.keep, self.seconds = options.keep, 60 * options.minutes
        self._since = perf_counter()
        self._best: bytes | None = None  # the best epoch's checkpoint while it could not be written

    def prepare(self, runs: int = 1) -> None:
        """Write the first state of a run, and check that there is room for all that follow.

        runs: how many runs of this size are still to be made on the disk, with this one.
        Raises ArchbuilderError AB701, AB730.
        """
        content = self._content()
        weights = sum(p.numel() * p.element_size() for p in self.trainer.module.parameters())
        largest = len(content) + 2 * weights  # an optimizer takes up to two numbers a weight
        self.folder.need(largest * (self.keep + 3) + RESERVE, runs)
        self.folder.write(MIDWAY, content)

    def between(self) -> None:
        """After every step of the optimizer.

        Raises Stop where a process was asked to end, ArchbuilderError AB712 where one has no number for a loss.
        """
        due = perf_counter() - self._since >= self.seconds
        wish = SAVE if due and self.trainer.processes.main else NOTHING
        wish = DOUBT if self.trainer.doubtful else STOP if self.ending.asked else wish
        if wish == SAVE:
            self._since = perf_counter()
        agreed = self.trainer.processes.highest(wish)
        if agreed == DOUBT:
            self.trainer.check_finite()
        if agreed == STOP:
            raise Stop
        if agreed == SAVE:
            self.midway()

    def aside(self) -> None:
        """After every batch of an evaluation.  Raises Stop."""
        if self.ending.asked and self.trainer.processes.count == 1:  # processes may have different numbers of batches
            raise Stop

    def midway(self) -> bool:
        """Save the middle of an epoch; False where that could not be written.

        Raises ArchbuilderError AB712 for a state that is not worth keeping.
        """
        self.trainer.check_finite()
        try:
            self.folder.write(MIDWAY, self._content())
        except ArchbuilderError as error:
            self._warn(error)
            return False
        self._since = perf_counter()
        return True

    def epoch(self) -> None:
        """Make a finished epoch part of the run.

        best.pt comes first: a kill between the two finds the epoch there, while the other order
        could leave the best epoch without its file.
        """
        metrics = self.trainer.metrics
        content = self._content()
        if best_of(metrics) is metrics[-1]:
            self._best = content
        try:
            if self._best is not None:
                self.folder.write(BEST, self._best)
            self._best = None
            self.folder.write(LAST, content, row(self.keep))
            self.folder.write(METRICS, lines(metrics))
            for name in (MIDWAY, *older(self.folder.path)[self.keep - 1 :]):  # a resumed run may keep fewer
                self.folder.remove(name)
        except ArchbuilderError as error:
            if len(metrics) == self.trainer.plan.train.epochs:
                raise
            self._warn(error)
        self._since = perf_counter()

    def _content(self) -> bytes:
        state = self.trainer.state()  # of every process, though only the first one writes it
        return checkpoint.dump(state, self.trainer.plan) if self.trainer.processes.main else b""

    def _warn(self, error: ArchbuilderError) -> None:
        (found,) = error.diagnostics
        print(f"warning: {found.code.id} {found.message}; training continues, and the next checkpoint is tried again")


def lines(metrics: Sequence[Record]) -> str:
    """The content of metrics.jsonl."""
    return "".join(json.dumps(record, allow_nan=False) + "\n" for record in metrics)
