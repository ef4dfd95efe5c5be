"""Goals compared with the log of a run, and with the recipe that should reach them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from archbuilder.diagnostics import Diagnostic, Span, declare
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.data import DATASETS
from archbuilder.spec.goals import TIME, Goal

UNSHOWN = declare(
    "AB541",
    "a goal that no run of the file can show",
    verdict=True,
    of_pack=True,
    why=(
        "The log of a run has a validation accuracy only if data: keeps a validation split; the test images are then "
        "used once, after the last epoch. A goal on a figure that the log never has could never be reached."
    ),
    bad='goals: {validation_accuracy: ">= 70%"}\nclasses: 10\ndata: {dataset: cifar10}\nnetwork: [gap, classifier]',
    good="""\
goals: {validation_accuracy: ">= 70%"}
classes: 10
data: {dataset: cifar10, validation: 0.1}
network: [gap, classifier]""",
)
TOO_SHORT = declare(
    "AB542",
    "a goal on more epochs than the run has",
    severity="warning",
    why=(
        "For example, a run of two epochs does not have three last epochs. It can be trained, as a first try, but it "
        "cannot reach the goal."
    ),
    bad='goals: [{of: test_accuracy, bound: ">= 99%", over: {each_of_last: 3}}]\ntrain: {epochs: 2}',
    good='goals: [{of: test_accuracy, bound: ">= 99%", over: {each_of_last: 3}}]\ntrain: {epochs: 15}',
)
MISSED = declare(
    "AB543",
    "a goal that is missed",
    verdict=True,
    of_pack=True,
    why=(
        "According to its log, the run does not reach a goal of its file or of a rule pack. `archbuilder evaluate` "
        "measures the accuracy of the trained network again."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report --set 'goals.accuracy=">= 100%"'
$ archbuilder check runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report --set 'goals.accuracy=">= 1%"'
$ archbuilder check runs/net/*""",
)
OPEN = declare(
    "AB544",
    "a goal that a run does not show",
    severity="warning",
    why=(
        "The run is not finished, or its log does not have this figure. The goal is neither reached nor missed, so the "
        "assignment is not fulfilled."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report --set 'goals.accuracy=">= 1%"'
$ rm runs/net/*/metrics.jsonl
$ archbuilder check runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report --set 'goals.accuracy=">= 1%"'
$ archbuilder check runs/net/*""",
)

Record = Mapping[str, Any]  # of one epoch: a line of metrics.jsonl
State = Literal["after training", "met", "missed", "not yet", "not recorded"]
_OPEN: dict[State, str] = {"not yet": "not reached yet", "not recorded": "not recorded"}


@dataclass(frozen=True)
class Standing:
    """A goal, its origin, and the result of a run.

    pack:  the name of the pack with the goal; empty if it is in the file itself, at `place`.
    value: per cent or seconds, None if there is no figure; `words` are the value and its epoch as text.
    """

    goal: Goal
    pack: str
    place: Span
    state: State = "after training"
    value: float | None = None
    words: str = ""

    @property
    def ok(self) -> bool:
        return self.state == "met"

    def finding(self) -> Diagnostic | None:
        """The finding of a check of the run, if there is one."""
        who, found = f"{self.pack}: " if self.pack else "", f": {self.words}" if self.words else ""
        if self.state == "missed":
            hint = "train longer, or with another recipe; to measure the same weights again: archbuilder evaluate RUN"
            if self.goal.of == TIME:
                hint = "train fewer epochs, or a smaller network"
            return MISSED.at(self.place, f"{who}{self.goal.words} is missed{found}", hint)
        if self.state in _OPEN:
            hint = "continue the run: archbuilder train --resume RUN"
            if self.state == "not recorded":
                hint = "archbuilder evaluate RUN measures the test accuracy; other figures need a new run"
            return OPEN.at(self.place, f"{who}{self.goal.words} is {_OPEN[self.state]}{found}", hint)
        return None


def problems(standings: Iterable[Standing], spec: Architecture) -> Iterator[Diagnostic]:
    """Goals that no run of this file can reach."""
    if not spec.is_known("train"):
        return
    for standing in standings:
        if found := _unshown(standing.goal, spec):
            yield UNSHOWN.at(standing.place, _by(standing, found[0]), found[1])
        elif (over := standing.goal.over).kind == "each_of_last" and over.epochs > (epochs := epochs_of(spec)):
            message = f"there are no {over.epochs} last epochs: the run has {epochs} epoch{'s' * (epochs > 1)}"
            yield TOO_SHORT.at(standing.place, _by(standing, message), "train longer")


def _by(standing: Standing, message: str) -> str:
    return f"{standing.pack}, {standing.goal.words}: {message}" if standing.pack else message


def epochs_of(spec: Architecture) -> int:
    """The number of epochs of a run of the file."""
    if spec.train is not None:
        return spec.train.epochs
    from archbuilder.spec.train import Train

    return Train().epochs


def _unshown(goal: Goal, spec: Architecture) -> tuple[str, str] | None:
    """(message, hint) if no log can have the figure. A custom data set may have its own validation split."""
    data = spec.data
    if data is None or not spec.is_known("data"):
        return None
    if goal.of == "validation_accuracy" and not data.validation and data.dataset in DATASETS:
        message = "there is no validation split, so no epoch has a validation accuracy"
        return message, "keep one with data: {validation: 0.1}, or set a goal on test_accuracy"
    over, epochs = goal.over, epochs_of(spec)
    asks_for_more = over.kind == "best" or (over.kind == "each_of_last" and over.epochs > 1)
    if goal.of == "test_accuracy" and data.validation and (asks_for_more or over.among(epochs)[-1] < epochs):
        message = "with a validation split, the test images are used only once, after the last epoch"
        return message, "set the goal on validation_accuracy, or on the last epoch: over: last"
    return None


def judge(standing: Standing, log: Sequence[Record], epochs: int) -> Standing:
    """Compare the goal with the records of a run.

    log: the records of its epochs, from the first; epochs: how many epochs the run should have."""
    state, value, words = (_time if standing.goal.of == TIME else _accuracy)(standing.goal, log, epochs)
    return Standing(standing.goal, standing.pack, standing.place, state, value, words)


Judged = tuple[State, float | None, str]


def _time(goal: Goal, log: Sequence[Record], epochs: int) -> Judged:
    taken = [record.get("seconds") for record in log]
    if not all(_is_number(seconds) for seconds in taken):
        return "not recorded", None, "an epoch has no time"
    value = float(sum(filter(_is_number, taken)))
    words = f"{goal.bound.show(value)} for {len(log)} epoch{'s' * (len(log) != 1)}"
    if not goal.bound.holds(value):
        return "missed", value, words
    return ("met", value, words) if len(log) >= epochs else ("not yet", value, f"{words} of {epochs}")


def _accuracy(goal: Goal, log: Sequence[Record], epochs: int) -> Judged:
    over, bound = goal.over, goal.bound
    wanted = over.among(epochs)
    trained = [number for number in wanted if number <= len(log)]
    figures = {n: float(value) for n in trained if _is_number(value := log[n - 1].get(goal.of))}
    complete = len(trained) == len(wanted)
    if not figures:
        latest = _latest(goal, log)
        return ("not recorded", None, "the log does not have it") if complete else ("not yet", None, latest)
    epoch = (max if over.is_any else min)(figures, key=lambda number: figures[number])
    value = figures[epoch]
    words = f"{bound.show(value)}{_of_epoch(goal, epoch, figures)}"
    if bound.holds(value) and (over.is_any or len(figures) == over.epochs):
        return "met", value, words
    if not bound.holds(value) and (complete or not over.is_any):
        return "missed", value, words
    if not complete:
        return "not yet", value, f"{words}; {len(log)} of {epochs} epochs are trained"
    lacking = over.epochs - len(figures)
    return "not recorded", value, f"{words}; of {lacking} more epoch{'s' * (lacking != 1)} there is no figure"


def _latest(goal: Goal, log: Sequence[Record]) -> str:
    value = log[-1].get(goal.of) if log else None
    return f"{goal.bound.show(float(value))} after epoch {len(log)}" if _is_number(value) else ""


def _of_epoch(goal: Goal, epoch: int, figures: Mapping[int, float]) -> str:
    """The epoch of a figure, if the goal does not state it; of several, the one with the lowest figure."""
    if goal.over.is_any:
        return f" in epoch {epoch}"
    if len(figures) == 1:
        return ""
    return f" in epoch {epoch}, the lowest of {', '.join(goal.bound.show(value) for value in figures.values())}"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
