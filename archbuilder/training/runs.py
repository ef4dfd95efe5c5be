"""A run folder opened for reading, finished or not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.training import folder
from archbuilder.training import plan as plans
from archbuilder.training.folder import DATASET, ENVIRONMENT, METRICS, NO_RUN, REPEAT, RunFolder
from archbuilder.training.folder import WEIGHTS as FINAL
from archbuilder.training.plan import Options, Plan
from archbuilder.training.result import Record, typed

if TYPE_CHECKING:
    from archbuilder.data.arrays import Splits
    from archbuilder.modules import Network

LAST, BEST = "last", "best"  # which weights of a run
CHECKPOINTS = {LAST: folder.LAST, BEST: folder.BEST}

NO_EPOCH = declare(
    "AB760",
    "a run without a finished epoch",
    why="What evaluates, predicts or reports needs weights, and a run has none before its first epoch is over.",
    bad="""\
$ archbuilder train net.yaml --no-report
$ rm runs/net/*/*.pt runs/net/*/*.safetensors runs/net/*/metrics.jsonl
$ archbuilder evaluate runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder evaluate runs/net/*""",
)


@dataclass(frozen=True)
class DataCard:
    """What a network must know about its images beyond their shape.

    `mean` and `std` are per channel, in 0..255; `train`, `validation` and `test` are numbers of images.
    """

    dataset: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: int
    validation: int
    test: int

    @classmethod
    def of(cls, dataset: str, splits: Splits) -> DataCard:
        validation = len(splits.validation) if splits.validation is not None else 0
        sizes = (len(splits.train), validation, len(splits.test))
        return cls(dataset, splits.class_names, splits.mean, splits.std, *sizes)

    @classmethod
    def read(cls, noted: Mapping[str, Any]) -> DataCard:
        """Of plain data, as JSON has it.  Raises KeyError, TypeError or ValueError where that is something else."""
        names, mean, std = (tuple(noted[key]) for key in ("classes", "mean", "std"))
        sizes = (int(noted[key]) for key in ("train", "validation", "test"))
        return cls(str(noted["dataset"]), names, mean, std, *sizes)


class Trained(Protocol):
    """A trained network with all that it takes to use it, whatever keeps it: a run folder or a single file."""

    @property
    def path(self) -> Path: ...

    @property
    def plan(self) -> Plan: ...

    @property
    def name(self) -> str: ...

    @property
    def card(self) -> DataCard: ...

    @property
    def splits(self) -> Splits:
        """The images that it was trained and tested on."""
        ...

    def epoch_of(self, which: str) -> int:
        """The epoch that the last or the best weights are of."""
        ...

    def network(self, which: str = LAST) -> Network:
        """The module with the weights after the last or the best epoch, on the CPU, in evaluation mode."""
        ...


@dataclass(frozen=True)
class Run:
    """A run folder, as its files tell.  Nothing of it needs torch or the images until it is asked for.

    loaded: the images, where the caller has them already.
    """

    path: Path
    plan: Plan
    environment: dict[str, Any]
    metrics: tuple[Record, ...]
    loaded: Splits | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The network and the time (and the seed, among several): c1c2c3c40/2026-11-21T09-30-00."""
        path = self.path.resolve()
        parts = [path.parent.name, path.name] if (path.parent / REPEAT).is_file() else [path.name]
        return "/".join([self.plan.report.name, *parts])

    @property
    def finished(self) -> bool:
        return len(self.metrics) == self.plan.train.epochs

    def epoch_of(self, which: str) -> int:
        """The epoch that the last or the best weights are of, as their file tells: after a kill the log may lack it.

        Raises as `network` does.
        """
        if which == LAST and (self.path / FINAL).is_file():
            return self.plan.train.epochs
        return int(self._checkpoint(which)["epoch"])

    @cached_property
    def splits(self) -> Splits:
        """The images that it was trained and tested on."""
        return self.loaded or images_of(self.plan)

    @cached_property
    def card(self) -> DataCard:
        """The run's own note of its images; of a run that has none the images are read."""
        try:
            return DataCard.read(json.loads((self.path / DATASET).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return DataCard.of(self.plan.data.dataset, self.splits)

    def network(self, which: str = LAST) -> Network:
        """The module with the weights after the last or the best epoch, on the CPU, in evaluation mode.

        Raises ArchbuilderError AB704, AB705, AB855 or AB856 (damaged, of something else), AB760 (none yet).
        """
        from archbuilder.exporters.weights import loaded, read
        from archbuilder.modules import build

        final = self.path / FINAL
        if which == LAST and final.is_file():
            hint = f"bring it back from a copy, or remove it: {folder.LAST} is then taken"
            return loaded(self.plan.graph, read(final, hint), final, hint)
        network = build(self.plan.graph)
        network.load_state_dict(self._checkpoint(which)["model"])
        return network.eval()

    def _checkpoint(self, which: str) -> dict[str, Any]:
        from archbuilder.training import checkpoint

        try:
            state = checkpoint.load(self.path / CHECKPOINTS[which], self.plan)
        except ArchbuilderError as error:
            if which == BEST or not self._is_whole(BEST):
                raise
            hint = "the best epoch's weights are whole: evaluate and predict take them with --weights best"
            raise ArchbuilderError(*(replace(found, hint=hint) for found in error.diagnostics)) from None
        if state is None:
            raise ArchbuilderError(no_epoch(self.path))
        return state

    def _is_whole(self, which: str) -> bool:
        try:
            return bool(self._checkpoint(which))
        except ArchbuilderError:
            return False


def no_epoch(path: Path) -> Any:
    hint = f"train it: {typed('train', '--resume', path)}"
    return NO_EPOCH.at(Span(str(path)), "there is no finished epoch in this run", hint)


def open_run(
    path: str | os.PathLike[str], data_dir: str | os.PathLike[str] | None = None, loaded: Splits | None = None
) -> Run:
    """The run in a folder, finished or not.

    data_dir: where prepared data sets are kept, instead of where the run found them.
    loaded:   the run's images, where the caller has them already.
    Raises ArchbuilderError AB702 (no run, or one whose files are damaged) and whatever is wrong with its YAML.
    """
    path = Path(path)
    plan = plans.resumed(path, Options(data_dir=Path(data_dir) if data_dir else None), blocks=False)
    return Run(path, plan, RunFolder(path, published=True).read_json(ENVIRONMENT), metrics_of(path), loaded)


def metrics_of(path: Path) -> tuple[Record, ...]:
    """The records of metrics.jsonl; none where no epoch is finished.  Raises ArchbuilderError AB702."""
    file = path / METRICS
    if not file.exists():
        return ()
    try:
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        records = [None]
    if not all(isinstance(record, dict) and "epoch" in record for record in records):
        hint = "archbuilder train --resume writes it anew from the checkpoint"
        raise ArchbuilderError(NO_RUN.at(Span(str(file)), "this is no log of epochs", hint))
    return tuple(records)


def images_of(plan: Plan) -> Splits:
    """The images of a plan's `data:` section, as its network takes them.  Raises ArchbuilderError AB6xx."""
    from archbuilder.data.datasets import load

    size = plan.graph.input
    shape = (size.c, size.h, size.w)
    return load(plan.data, shape, plan.classes, data_dir=plan.options.data_dir, seed=plan.train.seed)
