"""A run folder opened for reading, finished or not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.run import folder, json_files
from archbuilder.run import plan as plans
from archbuilder.run.folder import DATASET, NO_RUN
from archbuilder.run.folder import WEIGHTS as FINAL
from archbuilder.run.options import Options
from archbuilder.run.plan import Plan
from archbuilder.run.result import Record, typed
from archbuilder.sources import REPEAT

if TYPE_CHECKING:
    from archbuilder.data.arrays import Splits
    from archbuilder.modules import Network

LAST, BEST = "last", "best"  # which weights of a run
CHECKPOINTS = {LAST: folder.LAST, BEST: folder.BEST}

OTHER_DATA = declare(
    "AB724",
    "a run whose data changed",
    why=(
        "A resumed run must give the same result as without the interruption, and on other images it would not. "
        "dataset.json of the run has a digest of the data that it was trained on."
    ),
    bad="""\
$ python images.py
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz
$ python images.py
$ rm runs/net/*/*.pt
$ archbuilder train --resume runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train --resume runs/net/*""",
)
FOREIGN_DATA = declare(
    "AB725",
    "a result on other data than the network was trained on",
    severity="warning",
    why=(
        "The data set has the same name as the one that the network was trained on, but another content. The figure is "
        "correct for the images that are there now; it cannot be compared with results on the earlier ones."
    ),
    bad="""\
$ python images.py
$ archbuilder train net.yaml --no-report --set data.dataset=images.npz
$ python images.py
$ archbuilder evaluate runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder evaluate runs/net/*""",
)
NO_DIGEST = declare(
    "AB726",
    "a run without digests",
    severity="warning",
    why=(
        "Runs of version 0.1.0 have no digest of their data and no checksum of their weights. They can be used as "
        "before, but nobody can verify that data and weights are unchanged."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ sed -i.old 's/"digests"/"other"/' runs/net/*/dataset.json
$ archbuilder evaluate runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder evaluate runs/net/*""",
)
NO_EPOCH = declare(
    "AB760",
    "a run without a finished epoch",
    why="Evaluating, predicting and reporting need weights, and a run has none before its first epoch is finished.",
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
    `digests` are those of `Splits`; of a run of 0.1.0 there are none.  `subset_of` is how many training images the data
    set has, where the network was trained on a subset of them.
    """

    dataset: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: int
    validation: int
    test: int
    digests: Mapping[str, str] = field(default_factory=dict)
    subset_of: int | None = None

    @classmethod
    def of(cls, dataset: str, splits: Splits) -> DataCard:
        validation = len(splits.validation) if splits.validation is not None else 0
        sizes = (len(splits.train), validation, len(splits.test))
        return cls(dataset, splits.class_names, splits.mean, splits.std, *sizes, dict(splits.digests), splits.subset_of)

    @classmethod
    def read(cls, noted: Mapping[str, Any]) -> DataCard:
        """Of plain data, as JSON has it.  Raises ValueError where that is something else."""
        card = json_files.Card.model_validate(noted)
        sizes = (card.train, card.validation, card.test)
        return cls(
            card.dataset, tuple(card.classes), tuple(card.mean), tuple(card.std), *sizes, card.digests, card.subset_of
        )

    def changes(self, splits: Splits) -> str:
        """What has changed about these images, in words; nothing where they are the same."""
        now = DataCard.of(self.dataset, splits)
        found = [PARTS[name] for name, digest in self.digests.items() if now.digests.get(name) != digest]
        if self.classes != now.classes:
            found.append("the names of the classes")
        if not self.digests and (self.train, self.validation, self.test) != (now.train, now.validation, now.test):
            found.append("the numbers of the images")
        if not self.digests and not all(map(isclose, (*self.mean, *self.std), (*now.mean, *now.std))):
            found.append("the training images")
        return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)

    def fits(self, plan: Plan) -> bool:
        """Whether this describes images that the network of a plan can take."""
        channels = plan.graph.input.c
        return (len(self.classes), len(self.mean), len(self.std)) == (plan.classes, channels, channels)


PARTS = {
    "x_train": "the training images",
    "y_train": "the training labels",
    "x_validation": "the validation images",
    "y_validation": "the validation labels",
    "x_test": "the test images",
    "y_test": "the test labels",
}


class Trained(Protocol):
    """A trained network with all that it takes to use it, from a run folder or from a single file."""

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
    """A run folder, as its files describe it. torch and the images are loaded only when they are asked for.

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
        """The run's own note of its images; of a run that has none the images are read.

        Raises ArchbuilderError AB702 where it is damaged, or of another network.
        """
        noted = json_files.card(self.path)
        if noted is None:
            return DataCard.of(self.plan.data.dataset, self.splits)
        card = DataCard.read(noted)
        if not card.fits(self.plan):
            message = "what it says of the images does not fit the network"
            raise ArchbuilderError(NO_RUN.at(Span(str(self.path / DATASET)), message, json_files.BRING_BACK))
        return card

    def network(self, which: str = LAST) -> Network:
        """The module with the weights after the last or the best epoch, on the CPU, in evaluation mode.

        Raises ArchbuilderError AB704, AB705, AB855 or AB856 (damaged, of something else), AB760 (none yet).
        """
        from archbuilder.modules.weights import loaded, read

        final = self.path / FINAL
        if which == LAST and final.is_file():
            hint = f"restore it from a copy, or remove it: {folder.LAST} is then used"
            return loaded(self.plan.graph, read(final, hint), final, hint)
        path = self.path / CHECKPOINTS[which]
        return loaded(self.plan.graph, self._checkpoint(which)["model"], path, json_files.BRING_BACK)

    def _checkpoint(self, which: str) -> dict[str, Any]:
        from archbuilder.run import checkpoint

        try:
            state = checkpoint.load(self.path / CHECKPOINTS[which], self.plan)
        except ArchbuilderError as error:
            if which == BEST or not self._is_whole(BEST):
                raise
            hint = "the weights of the best epoch are intact: evaluate and predict use them with --weights best"
            raise ArchbuilderError(*(replace(found, hint=hint) for found in error.diagnostics)) from None
        if state is None:
            raise ArchbuilderError(no_epoch(self.path))
        return state

    def _is_whole(self, which: str) -> bool:
        try:
            return bool(self._checkpoint(which))
        except ArchbuilderError:
            return False


def doubts(trained: Trained, splits: Splits | None = None) -> Iterator[Diagnostic]:
    """Warnings: a run without digests; and where the images are read, that they are not those of the training."""
    place, card = Span(str(trained.path)), trained.card
    if isinstance(trained, Run) and not card.digests:
        message = "this run has no digests of its data and weights, so changes cannot be detected"
        yield NO_DIGEST.at(place, message, "runs have them since version 0.2.0")
    if splits is not None and (changes := card.changes(splits)):
        message = f"{changes} of {card.dataset} are not those used in training"
        yield FOREIGN_DATA.at(place, message, "restore them to get the figure of the run")


def refuse_other_data(path: Path, plan: Plan, splits: Splits) -> Iterator[Diagnostic]:
    """For a run that goes on: raises ArchbuilderError AB724 where its data were changed; warns where nothing tells."""
    noted = json_files.card(path)
    card = DataCard.read(noted) if noted else None
    if card and (changes := card.changes(splits)):
        message = f"{changes} of {card.dataset} are not those with which the run started"
        hint = f"restore them, or start a new run with its weights: {typed('train', 'FILE', '--init', path)}"
        raise ArchbuilderError(OTHER_DATA.at(plan.data.span("dataset"), message, hint))
    if not card or not card.digests:
        message = "this run has no digest of its data, so changes cannot be detected"
        yield NO_DIGEST.at(Span(str(path)), message, "runs have them since version 0.2.0")


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

        >>> run = archbuilder.open_run("runs/quickstart/2026-11-21T09-30-00")
        >>> run.finished, len(run.metrics), run.metrics[-1]["epoch"]
        (True, 1, 1)
    """
    path = Path(path)
    plan = plans.resumed(path, Options(data_dir=Path(data_dir) if data_dir else None), blocks=False)
    return Run(path, plan, json_files.environment(path), json_files.metrics(path), loaded)


def images_of(plan: Plan) -> Splits:
    """The images of a plan's `data:` section, as its network takes them.  Raises ArchbuilderError AB6xx."""
    from archbuilder.data.datasets import load

    size = plan.graph.input
    shape = (size.c, size.h, size.w)
    return load(plan.data, shape, plan.classes, data_dir=plan.options.data_dir, seed=plan.train.seed)
