"""Problems of a recipe that need no image, network or torch: whether its parts fit the length of the run."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.remedy import Change, Hint
from archbuilder.spec.train.recipe import Train
from archbuilder.spec.train.schedules import Piecewise, Plateau, Schedule, Step

LENGTH = declare(
    "AB740",
    "a schedule that is longer or shorter than the run",
    why=(
        "A change of the learning rate or of the resolution after the last epoch never happens, so the run would not "
        "follow its recipe. Usually the number of epochs was changed, and the schedule was not."
    ),
    bad="train:\n  epochs: 30\n  schedule: {step: {milestones: [20, 40]}}",
    good="train:\n  epochs: 60\n  schedule: {step: {milestones: [20, 40]}}",
)


def problems(train: Train) -> Iterator[Diagnostic]:
    """Every part of the recipe that lasts longer than the run, or ends before it."""
    place = train.schedule
    for field, message, hint in _misfits(train.schedule, train.epochs):
        yield LENGTH.at(place.span(field), message, hint)
    for epoch, _ in train.resolution[-1:]:
        if epoch > train.epochs:
            message = f"resolution changes at epoch {epoch}, but the run has {_epochs(train.epochs)}"
            yield LENGTH.at(train.span("resolution"), message, "change it earlier, or train longer")


def _misfits(schedule: Schedule, epochs: int) -> Iterator[tuple[str, str, Hint]]:
    """(field, message, hint)"""
    run = _epochs(epochs)
    if isinstance(schedule, Step):
        if schedule.milestones and schedule.milestones[-1] >= epochs:
            message = f"the learning rate changes after epoch {schedule.milestones[-1]}, but the run has {run}"
            yield "milestones", message, "change it earlier, so that epochs are left after every change"
        elif not schedule.milestones and (schedule.every or 10) >= epochs:
            message = f"a change after every {schedule.every or 10} epochs never comes in a run of {run}"
            shorter = Change({"every": str(max(1, epochs // 3))})
            yield "every", message, shorter if epochs > 1 else Change({"schedule": "none"}, at=("train",))
    elif isinstance(schedule, Piecewise) and (end := schedule.points[-1][0]) != epochs:
        than = "longer" if end > epochs else "shorter"
        yield "points", f"the points end at epoch {end:g}, {than} than the run of {run}", f"end at epoch {epochs}"
    elif isinstance(schedule, Plateau) and schedule.patience + 1 >= epochs:
        message = f"patience {schedule.patience} is longer than the run of {run}"
        yield "patience", message, "wait for fewer epochs, or train longer"


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' if count > 1 else ''}"
