"""What training gives back: where the run is, and what it measured."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from archbuilder.run.processes import launched

Record = dict[str, Any]  # one epoch: a line of metrics.jsonl


def chosen_on(record: Record) -> str:
    """The split by which the best epoch is chosen: the validation split where there is one."""
    return "validation" if "validation_accuracy" in record else "test"


def choice(split: str) -> str:
    """What the best epoch's figure is worth, by the split of `chosen_on`."""
    return (
        "chosen on the validation split" if split == "validation" else "chosen on the test images, so not a fair result"
    )


def best_of(metrics: Sequence[Record]) -> Record:
    """The first epoch with the highest accuracy on the split of `chosen_on`."""
    return max(metrics, key=lambda record: float(record[f"{chosen_on(record)}_accuracy"]))


@dataclass(frozen=True)
class Score:
    """Mean loss per image, accuracy in per cent, and over how many images."""

    loss: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class RunResult:
    """A finished run: its folder and one record per epoch (losses; accuracies in per cent)."""

    path: Path
    metrics: tuple[Record, ...]

    @property
    def last(self) -> Record:
        """The last epoch: the result of the run."""
        return self.metrics[-1]

    @property
    def best(self) -> Record:
        """The best epoch.  Without a validation split it is chosen on the test images: no fair result."""
        return best_of(self.metrics)


@dataclass(frozen=True)
class Spread:
    """Mean of n results, and their sample standard deviation (divided by n - 1); 0 for a single result."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        return cls(fmean(figures), stdev(figures) if len(figures) > 1 else 0.0)


def over_seeds(accuracies: Sequence[float]) -> str:
    """What runs of one network with several seeds give together, as a sentence."""
    found, each = Spread.of(accuracies), ", ".join(f"{accuracy:.2f}" for accuracy in accuracies)
    what = f"mean and standard deviation of {len(accuracies)} seeds: {each}"
    return f"result: test accuracy {found.mean:.2f} ± {found.deviation:.2f} % after the last epoch, {what}"


class Interrupted(KeyboardInterrupt):
    """Training was ended from outside; the message says what is kept and the command that goes on.

    how:    what has ended it.
    status: what the program returns, 128 and the number of the signal.
    """

    def __init__(self, path: Path, how: str, kept: str, status: int) -> None:
        here, all = os.environ.get("LOCAL_WORLD_SIZE"), os.environ.get("WORLD_SIZE")
        again = typed("train", "--resume", path)
        if launched():
            again = f"torchrun {f'--nproc-per-node {here}' if here == all else '...'} -m {again}"
        super().__init__(f"{how}: {kept} in {path}\ncontinue with: {again}")
        self.path, self.how, self.status = path, how, status


def typed(*words: str | Path) -> str:
    """`archbuilder` with these words, as it is typed into a shell."""
    return shlex.join(["archbuilder", *map(str, words)])
