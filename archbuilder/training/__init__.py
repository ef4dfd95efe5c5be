"""Training: a checked network and real images make a run folder, which can always be continued.

`train` is the whole interface.  torch is imported only after everything that can be known
without it is known to be right, so that a mistake in a file costs half a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.run import plan as plans
from archbuilder.run.options import Keywords, Options, PathLike, takes_options
from archbuilder.run.plan import ARGUMENTS
from archbuilder.run.processes import launched, said_once
from archbuilder.run.result import Interrupted, Record, RunResult
from archbuilder.training.repeated import DIVERGED, Repeated, proceed, start

if TYPE_CHECKING:
    from typing_extensions import Unpack  # of `typing` from Python 3.11 on

__all__ = ["Interrupted", "Record", "Repeated", "RunResult", "repeat", "train"]

EXTRA = declare(
    "AB700",
    "a package that training needs is not installed",
    exit_status=2,
    why="Checking needs no torch, so the base installation has none. The hint says how to install it.",
    bad="$ archbuilder train net.yaml  # without archbuilder[train]",
    good="$ archbuilder check net.yaml",
)


@takes_options
def train(
    source: PathLike | None = None,
    *,
    overrides: Sequence[str] = (),
    out: PathLike = "runs",
    resume: PathLike | None = None,
    check: bool = True,
    until: int | None = None,
    on_epoch: Callable[[Record], None] | None = None,
    options: Options | None = None,
    **keywords: Unpack[Keywords],
) -> RunResult:
    """Train the network of a YAML file (or YAML text) into a new folder OUT/NAME/TIME, or go on with a run.

    overrides: as `--set` takes them, `["train.epochs=3"]`.
    resume:    a run folder; it brings its own network, overrides and weights, so none of them may be given.
    check:     False trains in spite of missed limits and rules.
    until:     pause after that epoch, if the run has not come so far yet; it goes on with `resume`.
    on_epoch:  gets each epoch's record (a line of metrics.jsonl) once its checkpoint is on disk.
    options:   an `archbuilder.Options`, which holds what follows; keywords stand over it.  A run notes them, and one
               that is left at its default is for a resumed run what it was started with.

    {options}

    Started by `torchrun` in several processes it is one run of them all: `batch_size` counts over all
    processes, and only the first one writes, prints and calls `on_epoch`.

    Raises ArchbuilderError for whatever is wrong with the file, the data, the run or the disk, and
    Interrupted (a KeyboardInterrupt) on Ctrl-C and on SIGTERM; in every case the run keeps its last checkpoint.

        >>> quick = ["train.epochs=1", "data.batch_size=256"]
        >>> result = archbuilder.train("architectures/quickstart.yaml", overrides=quick, report=False)
        quickstart: ...
        >>> len(result.metrics), result.last["epoch"]
        (1, 1)
    """
    with said_once():
        plan = _plan(source, overrides, out, resume, Options.of(options, **keywords), check)
    _import(plan.options)
    from archbuilder.training.session import run

    with said_once(DIVERGED):
        return run(plan, on_epoch or (lambda record: None), until=until)


@takes_options
def repeat(
    source: PathLike | None = None,
    times: int | None = None,
    *,
    overrides: Sequence[str] = (),
    out: PathLike = "runs",
    resume: PathLike | None = None,
    check: bool = True,
    on_epoch: Callable[[Record], None] | None = None,
    options: Options | None = None,
    **keywords: Unpack[Keywords],
) -> Repeated:
    """Train a YAML file with so many seeds, the recipe's own and those after it, into a new folder OUT/NAME/TIME.

    resume:  such a folder, to train what is left of it; it brings the file, the seeds and the overrides.
    The rest is as `train` takes it:

    {options}

    Raises what `train` raises.  A seed whose training diverges does not keep the others from theirs.

        >>> quick = ["train.epochs=1", "data.batch_size=256"]
        >>> found = archbuilder.repeat("architectures/quickstart.yaml", 2, overrides=quick, report=False)
        quickstart: ...
        >>> len(found.accuracies)
        2
    """
    see = on_epoch or (lambda record: None)
    with said_once():
        chosen = Options.of(options, **keywords)
        if resume is not None:
            _alone(source, overrides, chosen, times)
        else:
            first = plans.new(source, overrides, out, chosen, check)
            source = first.text if source == "-" else source  # standard input is read once
            seeds = range(first.train.seed, first.train.seed + (times or 1))
            every = [plans.new(source, [*overrides, f"train.seed={seed}"], out, chosen, check) for seed in seeds]
    _import(chosen)
    with said_once(DIVERGED):
        return proceed(Path(resume), chosen, see) if resume is not None else start(every, see)


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
    _alone(source, overrides, options)
    return plans.resumed(resume, options)


def _alone(source: PathLike | None, overrides: Sequence[str], options: Options, times: int | None = None) -> None:
    """Raises ArchbuilderError AB710 for what a resumed run does not take."""
    if source is None and not overrides and options.init is None and times is None:
        return
    hint = "remove the file, --set, --init and --repeat, or start a new run without --resume"
    message = "a resumed run has its own network, overrides, weights and seeds"
    raise ArchbuilderError(ARGUMENTS.at(Span("--resume"), message, hint))


def _import(options: Options) -> None:
    """Import what training needs.  Raises ArchbuilderError AB700 for a package that is missing."""
    needed = {"session": True, "parallel": launched(), "trackers": bool(options.log)}
    try:
        for name in filter(needed.get, needed):
            import_module(f"archbuilder.training.{name}")
    except ModuleNotFoundError as error:
        message = f"training needs {error.name}, which is not installed"
        hint = "pip install 'archbuilder[train]'"
        raise ArchbuilderError(EXTRA.at(Span("archbuilder train"), message, hint)) from error
