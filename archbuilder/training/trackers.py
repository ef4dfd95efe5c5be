"""`--tracker tensorboard` and the like: every epoch's record also goes to trackers, by Hugging Face Accelerate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from accelerate.utils import ProjectConfiguration

from archbuilder.diagnostics import ArchbuilderError, Span, declare, did_you_mean
from archbuilder.run.plan import Plan
from archbuilder.run.result import Record

FOLDER = "log"  # the folder within a run in which trackers write their files

TRACKER = declare(
    "AB737",
    "a tracker that is not available",
    exit_status=2,
    why="A tracker is a separate package. None is required: metrics.jsonl has every value that a tracker would get.",
    bad="$ archbuilder train net.yaml --tracker tensorbord",
    good="$ archbuilder train net.yaml",
)


def check(names: Sequence[str]) -> None:
    """Raises ArchbuilderError AB737 for a tracker that Accelerate does not know, or whose package is missing."""
    there = {str(name) for name in get_available_trackers()}
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            message, hint = f"there is no tracker {name}", did_you_mean(name, LOGGER_TYPE_TO_CLASS)
        elif name not in there:
            message, hint = f"the package of {name} is not installed", f"pip install {name}, or remove --tracker"
        else:
            continue
        raise ArchbuilderError(TRACKER.at(Span("--tracker"), message, hint))


@contextmanager
def tracking(plan: Plan, run: Path, place: torch.device, fresh: bool) -> Iterator[Callable[[Record], None]]:
    """What hands a record on to the trackers of a plan.  A tracker that fails is dropped: the run does not need it."""
    accelerator = Accelerator(
        cpu=place.type == "cpu",
        mixed_precision="no",
        log_with=list(plan.options.log),
        project_config=ProjectConfiguration(str(run), logging_dir=str(run / FOLDER)),
    )
    facts = {"dataset": plan.data.dataset, "batch_size": plan.data.batch_size, "epochs": plan.train.epochs}
    failed = _tried(
        lambda: accelerator.init_trackers(plan.report.name, {**facts, "seed": plan.train.seed} if fresh else None)
    )

    def log(record: Record) -> None:
        nonlocal failed
        values = {name: value for name, value in record.items() if name != "epoch"}
        failed = failed or _tried(lambda: accelerator.log(values, step=record["epoch"]))

    try:
        yield log
    finally:
        for tracker in accelerator.trackers:
            _tried(tracker.finish)


def _tried(action: Callable[[], object]) -> bool:
    """Call a tracker; True where that failed, after a warning."""
    try:
        action()
    except Exception as error:  # whatever a package of any kind raises: a full disk, a network that is away
        print(f"warning: a tracker has failed and is no longer used ({type(error).__name__}: {error})")
        return True
    return False
