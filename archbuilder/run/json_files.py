"""Reads a run's JSON files and validates them: they may be cut off, edited or somebody else's.

Each has to be an ordinary file of a bounded size with JSON of a bounded depth.  What is used of it has to have its type
and to lie in its range; what else is there stays, since later versions may say more.  All of this is told in one way,
AB702 at the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.files import MAX_TEXT, json_of, read_regular
from archbuilder.run.folder import DATASET, ENVIRONMENT, FACTS, METRICS, NO_RUN
from archbuilder.run.options import Options
from archbuilder.sources import BRING_BACK as BRING_BACK
from archbuilder.sources import REPEAT, note, unreadable


def _place(value: str) -> str:
    if "\0" in value:
        raise ValueError("has a character that is not allowed in paths")
    return value


def _file_name(value: str) -> str:
    if not value or value.startswith(".") or any(character in value for character in "/\\\0"):
        raise ValueError("is not a name of a network")
    return value


Place = Annotated[str, AfterValidator(_place)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[Finite, Field(ge=0)]
Duration = Annotated[float, Field(ge=0, le=1e12)]  # so that their sum is a time, too
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Some = Annotated[int, Field(ge=1, lt=2**31)]


class Note(BaseModel):
    """A JSON object; keys that are not named here are ignored."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class Epoch(Note):
    """A line of metrics.jsonl: losses, accuracies in per cent, seconds."""

    epoch: Some
    train_loss: Finite
    train_accuracy: Percent
    validation_loss: Finite | None = None
    validation_accuracy: Percent | None = None
    test_loss: Finite | None = None
    test_accuracy: Percent | None = None
    flip_averaged_test_loss: Finite | None = None
    flip_averaged_test_accuracy: Percent | None = None
    lr: Finite
    seconds: Duration
    images_per_second: Positive
    waiting: Finite | None = None

    @model_validator(mode="after")
    def _is_chosen_by_something(self) -> Epoch:
        if self.validation_accuracy is None and self.test_accuracy is None:
            raise ValueError("it has neither a validation nor a test accuracy")
        if "validation_accuracy" in self.model_fields_set and self.validation_accuracy is None:
            raise ValueError("validation_accuracy is nothing")
        return self


class Environment(Options):
    """How a run was started: its options, and what they came to on its machine."""

    model_config = ConfigDict(extra="allow")

    started: str = ""
    device: Literal["cpu", "cuda", "mps"]
    device_name: str | None = None
    threads: Annotated[int, Field(ge=1, le=100_000)]
    processes: Annotated[int, Field(ge=1, le=100_000)] = 1
    platform: str = ""
    command: str = ""
    overrides: list[str]
    blocks: list[Place] = Field([])
    source: Place = ""
    resumed: list[dict[str, Any]] = Field([])


class _Totals(Note):
    params: Count


class _Data(Note):
    subset: Count | Annotated[float, Field(gt=0, lt=1)] | None = None


class _Recipe(Note):
    epochs: Some


class Facts(Note):
    """What `check` found, and the recipe."""

    name: Annotated[str, AfterValidator(_file_name)]
    totals: _Totals
    data: _Data
    train: _Recipe


class Card(Note):
    """What a network must know about its images; `runs.DataCard` says what is what."""

    dataset: str
    classes: list[str]
    mean: list[Finite]
    std: list[Annotated[Finite, Field(gt=0)]]
    train: Count
    validation: Count
    test: Count
    digests: dict[str, str] = {}
    subset_of: Count | None = None


class _Together(Note):
    each: list[Finite]
    mean: Finite
    standard_deviation: Finite


class State(Note):
    """What a checkpoint says of its run, as far as it can be validated without a trainer."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    run: str
    epoch: Count
    batch: Count
    lr: Finite
    seconds: Duration
    waited: Positive
    metrics: list[dict[str, Any]]
    model: dict[str, Any]
    processes: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=100_000)]


class Seeds(Note):
    """repeat.json: the seeds, and what all of them gave."""

    seeds: Annotated[list[Count], Field(min_length=1, max_length=10_000)]
    test_accuracy: _Together | None = None


class Evaluation(Note):
    """evaluation.json, of the report."""

    epoch: Count
    classes: list[str]
    confusion: list[list[Count]]


def environment(run: Path) -> dict[str, Any]:
    """environment.json.  Raises ArchbuilderError AB702, as all of these do."""
    return read(run / ENVIRONMENT, Environment, "this does not say how the run was started")


def facts(run: Path) -> dict[str, Any]:
    """facts.json."""
    return read(run / FACTS, Facts, "this does not say what was trained")


def card(run: Path) -> dict[str, Any] | None:
    """dataset.json; None where a run has none."""
    path = run / DATASET
    return read(path, Card, "this does not say what the images are") if path.exists() else None


def seeds(folder: Path) -> dict[str, Any]:
    """repeat.json."""
    return read(folder / REPEAT, Seeds, "this does not say which seeds there are")


def metrics(run: Path) -> tuple[dict[str, Any], ...]:
    """The records of metrics.jsonl, one for each epoch; none where no epoch is finished."""
    path = run / METRICS
    if not path.exists():
        return ()
    try:
        lines = read_regular(path, MAX_TEXT).decode().splitlines()
        return tuple(epochs([json_of(line) for line in lines]))
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError as error:
        hint = "archbuilder train --resume writes it again from the checkpoint"
        raise ArchbuilderError(
            NO_RUN.at(Span(str(path)), f"this is not a log of epochs{reason(error)}", hint)
        ) from None


def epochs(records: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Records of epochs from the first one on.  Raises ValueError."""
    for number, record in enumerate(records, 1):
        if Epoch.model_validate(record).epoch != number:
            raise ValueError(f"epoch {number} is missing")
        yield record


def read(path: Path, form: type[BaseModel], wrong: str) -> dict[str, Any]:
    """A JSON object that has the given form, as plain data. `wrong` is the message where it has another one."""
    value = note(path)
    try:
        form.model_validate(value)
    except ValidationError as error:
        raise ArchbuilderError(NO_RUN.at(Span(str(path)), f"{wrong}{reason(error)}", BRING_BACK)) from None
    return value


def reason(error: ValueError) -> str:
    """The first thing that is wrong, as the end of a sentence: `: threads: Input should be greater ...`."""
    if not isinstance(error, ValidationError):
        return f": {error}" if not isinstance(error, (json.JSONDecodeError, UnicodeError)) else ""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    said = first["msg"].removeprefix("Value error, ")
    return f": {place}: {said}" if place else f": {said}"
