"""The processes that train one run together: this one alone, or as many as `torchrun` has started.

Every process takes its part of each batch; the first one (rank 0) writes the run folder and speaks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from archbuilder.diagnostics import ArchbuilderError

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")


class Processes:
    """A run of this process alone, which has no others to ask.

    rank:  which one this is, from 0.
    count: how many there are.
    """

    rank = 0
    count = 1

    @property
    def main(self) -> bool:
        """Whether this process writes the run folder and prints."""
        return self.rank == 0

    @property
    def shard(self) -> tuple[int, int]:
        return self.rank, self.count

    def say(self, text: str) -> None:
        """Print a text once, however many processes run this."""
        if self.main:
            print(text, flush=True)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module to train: backward through it gives every process the mean of all gradients."""
        return module

    def align(self, module: nn.Module) -> None:
        """Give every process the buffers of the first one: BatchNorm's statistics are those of its own images."""

    def gather(self, value: T) -> list[T]:
        """The value of every process, in order, for every process."""
        return [value]

    def first(self, value: T) -> T:
        """The value of the first process, for every process."""
        return value

    def highest(self, value: int) -> int:
        """The highest value among the processes, as of their last call: no process waits for it."""
        return value

    def seed(self, *key: int) -> None:
        """Start the random numbers of a process that is not the first anew: equal ones would drop equal units."""

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """An error of one process in here stops all of them; the first process raises it, the others end quietly.

        Nothing in here may wait for another process.
        """
        yield


ALONE = Processes()


def launched() -> bool:
    """Has torchrun (or `accelerate launch`, which is the same) started this process as one of several?"""
    return int(os.environ.get("WORLD_SIZE") or 1) > 1


def first_of_all() -> bool:
    """Whether the launcher made this the process that writes and prints."""
    return not launched() or os.environ.get("RANK", "0") == "0"


@contextmanager
def said_once(code: str = "") -> Iterator[None]:
    """What all processes find wrong in here is said by the first one of each machine.

    code: of the only problem that all of them find; any other one is said by whoever has it.
    """
    try:
        yield
    except ArchbuilderError as error:
        everyones = code in ("", error.diagnostics[0].code.id)
        if not launched() or os.environ.get("LOCAL_RANK", "0") == "0" or not everyones:
            raise
        raise SystemExit(error.exit_status) from None
