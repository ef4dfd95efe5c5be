"""What is to be trained, held against everything that can be known before torch is imported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archbuilder import pipeline
from archbuilder.blocks._external import files, load_file
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.document.nodes import Document
from archbuilder.ir.graph import Graph
from archbuilder.pipeline import Report
from archbuilder.run import json_files
from archbuilder.run.folder import ARCHITECTURE, NO_RUN, RunFolder
from archbuilder.run.options import KEEP, MINUTES, Options, PathLike
from archbuilder.sources import Opened, copies, open_run_source, trained_text
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.data import DATASETS, Data
from archbuilder.spec.train import Train

REFUSED = declare(
    "AB707",
    "a network that fails its check",
    why="Training takes long and does not change the result of the check: a missed limit stays missed.",
    bad="$ archbuilder train net.yaml --no-report --set 'limits.params=\"< 5\"'",
    good="$ archbuilder train net.yaml --no-report --set 'limits.params=\"< 5\"' --no-check",
)
NO_DATA = declare(
    "AB708",
    "a file without a data: section",
    why="A network can be checked and built without images, but not trained.",
    bad="""\
$ grep -v ^data: net.yaml > bare.yaml
$ archbuilder train bare.yaml""",
    good="$ archbuilder train net.yaml --no-report",
)
CLASSES = declare(
    "AB709",
    "a network without classes",
    why=(
        "The loss compares one score per class with a label. Without `classes` the meaning of the network's outputs is "
        "unknown."
    ),
    bad="""\
$ cat > values.yaml <<'END'
archbuilder: 1
input: [1, 8, 8]
network: [{conv: 10}, gap, flatten]
data: {dataset: digits}
END
$ archbuilder train values.yaml""",
    good="$ archbuilder train net.yaml --no-report",
)
ARGUMENTS = declare(
    "AB710",
    "arguments that do not go together",
    exit_status=2,
    why=(
        "A new run needs a file. A resumed run has its own network, overrides and weights, so that its result is the "
        "same as without the interruption."
    ),
    bad="$ archbuilder train",
    good="$ archbuilder train net.yaml --no-report",
)


@dataclass(frozen=True)
class Plan:
    """A run that can start: a network that ends in classes, images, a recipe.

    `out` is the folder for a new run; `path` is the run to go on with, None for a new one.
    """

    report: Report
    graph: Graph
    data: Data
    train: Train
    classes: int
    overrides: tuple[str, ...]
    options: Options
    out: Path
    path: Path | None = None

    @property
    def text(self) -> str:
        """What is trained, as one YAML file: as it was read where it extends nothing and has no overrides."""
        return trained_text(self.document, self.overrides)

    @property
    def copies(self) -> dict[str, str]:
        """The files that a run keeps beside it, as they were read, by their paths in its folder."""
        return copies(self.document, self.overrides, self.opened.origins)

    @property
    def document(self) -> Document:
        assert self.report.document is not None  # a network that can be trained was read from one
        return self.report.document

    @property
    def opened(self) -> Opened:
        assert self.report.opened is not None
        return self.report.opened

    @property
    def values(self) -> Any:
        """What the YAML and its overrides say, as plain data."""
        return self.document.root.plain()

    @property
    def identity(self) -> str:
        """What makes two runs the same run: the values of its YAML, as a SHA-256; its comments are free."""
        return hashlib.sha256(json.dumps(self.values).encode()).hexdigest()


def new(source: PathLike | None, overrides: Sequence[str], out: PathLike, options: Options, check: bool) -> Plan:
    """The plan of a new run.  Raises ArchbuilderError with all that stands against it."""
    if source is None:
        hint = "name a YAML file, or a run with --resume"
        raise ArchbuilderError(ARGUMENTS.at(Span("archbuilder train"), "there is nothing to train", hint))
    report = pipeline.check_network(source, overrides)
    of_run = report.opened.overrides if report.opened else ()
    plan = _plan(report, (*of_run, *overrides), options, Path(out), check)
    return _as_read(plan) if report.run else plan


def planned(report: Report, overrides: Sequence[str], options: Options, out: Path) -> Plan:
    """The plan of a new run of a file that is checked already, with these overrides.  Raises ArchbuilderError."""
    return _plan(report, tuple(overrides), options, out, check=True)


def trained(report: Report, options: Options) -> Plan:
    """The plan that a network was trained by, wherever that was.  Raises ArchbuilderError where none could have been.

    report: of its YAML with all overrides in it.
    """
    return _plan(report, (), options, Path(), check=False)


def resumed(run: PathLike, options: Options, blocks: bool = True) -> Plan:
    """The plan of a run that goes on: its own YAML and overrides; its own device, threads and data
    where the options do not say otherwise.

    blocks: whether to load the files of blocks that it was started with, which runs their code.
    Raises ArchbuilderError.
    """
    path = Path(run)
    folder = RunFolder(path, published=True)
    folder.read(ARCHITECTURE)
    options, opened = options.over(Options.noted(json_files.environment(path))), open_run_source(path)
    if blocks:
        _load_blocks(path, opened.blocks)
    plan = _plan(pipeline.check_opened(opened), opened.overrides, options, path.parent, check=False)
    return replace(_as_read(plan), path=path)


def _load_blocks(run: Path, recorded: Sequence[str]) -> None:
    """Load the files of blocks that a run was started with, but for those that another file has brought by now."""
    for file in recorded:
        if Path(file).stem in files():
            continue
        if not Path(file).is_file():
            message = f"the run was started with the blocks of {file}, but there is no such file"
            hint = f"restore it, or give its new place: --blocks {Path(file).name}"
            raise ArchbuilderError(NO_RUN.at(Span(str(run)), message, hint))
        load_file(file)


def _as_read(plan: Plan) -> Plan:
    """The plan of a run, with the paths of its data and its teacher counted from where its YAML was read."""
    return replace(plan, data=_beside(plan.data, plan.opened), train=_taught(plan.train, plan.opened))


def _beside(data: Data, opened: Opened) -> Data:
    """A data set's relative path counts from where it was written, not from the run's copy of that."""
    path = opened.folder_of(data.span("dataset")) / data.dataset
    return data.model_copy(update={"dataset": str(path)}) if data.dataset not in DATASETS and path.exists() else data


def _taught(train: Train, opened: Opened) -> Train:
    """A teacher's relative path counts from there too."""
    if train.distill is None:
        return train
    path = opened.folder_of(train.distill.span("run")) / train.distill.run
    changed = train.distill.model_copy(update={"run": str(path)})
    return train.model_copy(update={"distill": changed}) if path.is_dir() else train


def _plan(report: Report, overrides: tuple[str, ...], options: Options, out: Path, check: bool) -> Plan:
    errors = [d for d in report.diagnostics if d.severity == "error"]
    spec, graph = report.spec, report.graph
    if spec is None or graph is None:
        raise ArchbuilderError(*errors)
    if errors and check:
        remark = f"not trained: check found {len(errors)} error{'s' if len(errors) > 1 else ''}"
        hint = "fix them, or train anyway with --no-check"
        raise ArchbuilderError(*errors, REFUSED.at(Span(report.file), remark, hint))
    if found := [*_lacking(spec), *(misfit for misfit in report.misfits if misfit.code.stops)]:
        raise ArchbuilderError(*found)
    assert spec.data is not None and spec.classes is not None  # else there were problems
    options = options.over(Options(keep=KEEP, minutes=MINUTES))
    return Plan(report, graph, spec.data, spec.train or Train(), spec.classes, overrides, options, out)


def _lacking(spec: Architecture) -> Iterator[Diagnostic]:
    """What a file may lack for a check, but not for training."""
    if spec.data is None:
        yield NO_DATA.at(spec.span(), "there is no data: section", "add for example data: {dataset: digits}")
    if spec.classes is None:
        hint = "add for example classes: 10; the network must then end in 10 values"
        yield CLASSES.at(spec.span(), "there is no classes: field", hint)
