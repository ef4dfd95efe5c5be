"""Training: a checked network and real images make a run folder, which can always be continued.

`train` is the whole interface.  torch is imported only after everything that can be known
without it is known to be well, so that a mistake in a file costs half a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.training import plan as plans
from archbuilder.training.plan import ARGUMENTS, Options, PathLike
from archbuilder.training.processes import launched, said_once
from archbuilder.training.result import Interrupted, Record, RunResult

__all__ = ["Interrupted", "Record", "RunResult", "train"]

EXTRA = declare(
    "AB700",
    "a package that training needs is not installed",
    exit_status=2,
    why="A check needs no torch, so the base installation has none. The hint says how to get it.",
    bad="$ archbuilder train net.yaml  # without archbuilder[train]",
    good="$ archbuilder check net.yaml",
)


def train(
    source: PathLike | None = None,
    *,
    overrides: Sequence[str] = (),
    out: PathLike = "runs",
    device: str = "auto",
    threads: int | None = None,
    resume: PathLike | None = None,
    data_dir: PathLike | None = None,
    check: bool = True,
    report: bool = True,
    keep: int | None = None,
    minutes: float | None = None,
    init: PathLike | None = None,
    log: Sequence[str] = (),
    sync_batch_norm: bool = False,
    on_epoch: Callable[[Record], None] | None = None,
) -> RunResult:
    """Train the network of a YAML file (or YAML text) into a new folder OUT/NAME/TIME, or go on with a run.

    overrides: as `--set` takes them, `["train.epochs=3"]`.
    device:    auto, cpu, cuda or mps; `auto` for a resumed run is the device it was started on.
    threads:   CPU threads; a resumed run takes as many as it was started with.
    resume:    a run folder; it brings its own network and overrides, so neither may be given.
    data_dir:  where prepared data sets are kept, instead of the user's cache folder.
    check:     False trains in spite of missed limits and rules.
    report:    False leaves out the report that is written at the end (`archbuilder report` makes it later).
    keep:      checkpoints of finished epochs that are kept besides the best one's, 3 unless said.
    minutes:   from one checkpoint in the middle of an epoch to the next, 10 unless said.
    init:      a run whose weights this one begins with; its head is replaced where the classes differ.
    log:       trackers that get every epoch's record too: tensorboard, or another one that Accelerate knows.
    sync_batch_norm: batch normalisation sees the images of all processes (on GPUs).
    on_epoch:  gets each epoch's record (a line of metrics.jsonl) once its checkpoint is on disk.

    Started by `torchrun` in several processes it is one run of them all: `batch_size` counts over all
    processes, and only the first one writes, prints and calls `on_epoch`.

    Raises ArchbuilderError for whatever is wrong with the file, the data, the run or the disk, and
    Interrupted (a KeyboardInterrupt) on Ctrl-C and on SIGTERM; in every case the run keeps its last checkpoint.
    """
    places = (Path(data_dir) if data_dir else None, Path(init) if init else None)
    options = Options(device, threads, places[0], report, keep, minutes, sync_batch_norm, tuple(log), places[1])
    with said_once():
        plan = _plan(source, overrides, out, resume, options, check)
    try:
        from archbuilder.training.session import run

        if launched():
            import_module("archbuilder.training.several")
        if plan.options.log:
            import_module("archbuilder.training.trackers")
    except ModuleNotFoundError as error:
        message = f"training needs {error.name}, which is not installed"
        hint = "pip install 'archbuilder[train]'"
        raise ArchbuilderError(EXTRA.at(Span("archbuilder train"), message, hint)) from error
    return run(plan, on_epoch or (lambda record: None))


def _plan(
    source: PathLike | None,
    overrides: Sequence[str],
    out: PathLike,
    resume: PathLike | None,
    options: Options,
    check: bool,
) -> plans.Plan:
    if resume is None:
        return plans.new(source, overrides, out, options, check)
    if source is None and not overrides and options.init is None:
        return plans.resumed(resume, options)
    hint = "leave the file, --set and --init away, or start a new run without --resume"
    message = "a resumed run brings its own network, overrides and weights"
    raise ArchbuilderError(ARGUMENTS.at(Span("--resume"), message, hint))
