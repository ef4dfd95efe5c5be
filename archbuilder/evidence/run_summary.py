"""What a report says about the run itself: how it went, with what, and how to get the same again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archbuilder.evidence.curves import panels
from archbuilder.reporting.dotted_settings import Setting, words
from archbuilder.run import differences, json_files
from archbuilder.run.progress import line
from archbuilder.run.result import Record, best_of, chosen_on
from archbuilder.trained.command import command
from archbuilder.trained.open import Run


@dataclass(frozen=True)
class StoryPart:
    """How a run went.

    log:       a line per epoch, as it was printed; curves: SVGs.
    recipe:    every setting of `data:` and `train:`, defaults filled in.
    command:   trains it again; typed: what was typed to start it.
    """

    epochs: int
    finished: bool
    last: Record
    best: Record
    chosen_on: str
    seconds: float
    log: tuple[str, ...]
    curves: tuple[str, ...]
    recipe: tuple[Setting, ...]
    environment: tuple[Setting, ...]
    resumed: int
    command: str
    typed: str
    yaml: str


def story_part(run: Run) -> StoryPart:
    """The run's part of the evidence."""
    epochs, environment = run.plan.train.epochs, run.environment
    best = best_of(run.metrics)
    noted = {name: value for name, value in environment.items() if name not in ("resumed", "command", "overrides")}
    return StoryPart(
        epochs=epochs,
        finished=run.finished,
        last=run.metrics[-1],
        best=best,
        chosen_on=chosen_on(best),
        seconds=sum(record["seconds"] for record in run.metrics),
        log=tuple(line(record, epochs) for record in run.metrics),
        curves=panels(run.metrics),
        recipe=tuple(settings(run)),
        environment=tuple((name, words(value)) for name, value in noted.items() if value is not None),
        resumed=len(environment.get("resumed", ())),
        command=command(run),
        typed=str(environment.get("command", "")),
        yaml=run.plan.text,
    )


def settings(run: Run) -> Iterator[Setting]:
    """The recipe of a run as dotted names."""
    return differences.settings(json_files.facts(run.path))
