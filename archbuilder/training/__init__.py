"""Training: a checked network and real images make a run folder, which can always be continued.

`train` is the whole interface.  torch is imported only after everything that can be known
without it is known to be well, so that a mistake in a file costs half a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.training import plan as plans
from archbuilder.training.plan import ARGUMENTS, Options, PathLike
from archbuilder.training.result import Interrupted, Record, RunResult

__all__ = ["Interrupted", "Record", "RunResult", "train"]

EXTRA = declare("AB700", "a package that training needs is not installed", exit_status=2)


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
    on_epoch:  gets each epoch's record (a line of metrics.jsonl) once its checkpoint is on disk.

    Raises ArchbuilderError for whatever is wrong with the file, the data, the run or the disk, and
    Interrupted (a KeyboardInterrupt) on Ctrl-C; in every case the run keeps its last checkpoint.
    """
    options = Options(device, threads, Path(data_dir) if data_dir else None, report)
    if resume is None:
        plan = plans.new(source, overrides, out, options, check)
    elif source is None and not overrides:
        plan = plans.resumed(resume, options)
    else:
        hint = "leave the file and --set away, or start a new run without --resume"
        message = "a resumed run brings its own network and overrides"
        raise ArchbuilderError(ARGUMENTS.at(Span("--resume"), message, hint))
    try:
        from archbuilder.training.session import run
    except ModuleNotFoundError as error:
        message = f"training needs {error.name}, which is not installed"
        hint = "pip install 'archbuilder[train]'"
        raise ArchbuilderError(EXTRA.at(Span("archbuilder train"), message, hint)) from error
    return run(plan, on_epoch or (lambda record: None))
