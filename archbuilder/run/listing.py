"""Which runs lie below a folder, and how far each has come; read off their small files alone, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from os.path import lexists
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, shorten
from archbuilder.pipeline import check
from archbuilder.reporting.diagnostic import printable
from archbuilder.reporting.goals import state, to_dict
from archbuilder.reporting.json import dumps
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.table import RUN, Cell
from archbuilder.reporting.text import columns
from archbuilder.run import json_files
from archbuilder.run.differences import differences, sets_apart, settings, written
from archbuilder.run.folder import ARCHITECTURE, ENVIRONMENT, METRICS
from archbuilder.run.locks import is_locked
from archbuilder.run.result import best_of, chosen_on
from archbuilder.sources import values_of_run

DEEPEST = 4  # folders below the one that is searched

HEADER = ("run", "started", "state", "epochs", "test", "best", "params", "time", "assignment", "differs in")
LEFT = ("run", "started", "state", "assignment", "differs in")
ASKING = ("goals", "rules")  # keys of a YAML that sets an assignment
DAMAGED = "damaged"
MAX_DIFFERENCES = 80  # characters
TELLING = (ARCHITECTURE, ENVIRONMENT, METRICS)  # two of them are a run; a third may be lost, or not be there yet


@dataclass(frozen=True)
class Listed:
    """One run; accuracies in per cent, None where there is none yet.

    state:   running (a process holds it), interrupted, finished, or damaged (its files do not tell).
    differs: what sets it apart from the other runs of a network of that name: vars.width=24.
    assignment: fulfilled, not fulfilled, not fulfilled yet; empty where its file sets no rules and no goals.
    goals:   those of its file and its packs, each with its state.
    subset:  how many of the training images it sees, or which share of them; None for all.
    """

    path: str
    name: str
    started: str
    state: str
    done: int
    epochs: int
    test_accuracy: float | None
    best_accuracy: float | None
    best_epoch: int | None
    chosen_on: str
    params: int
    seconds: float
    differs: str = ""
    assignment: str = ""
    goals: tuple[dict[str, Any], ...] = ()
    subset: int | float | None = None


def listing(folder: Path) -> list[Listed]:
    """Every run in or below a folder, the oldest first."""
    found: list[Listed] = []
    recipes: dict[str, dict[Path, Mapping[str, str]]] = {}  # of the runs of each network
    for path in _runs(folder, 0):
        run = _listed(path)
        if run.state != DAMAGED:
            try:
                values = _values(path)
                recipes.setdefault(run.name, {})[path] = dict(settings(json_files.facts(path))) | dict(written(values))
                run = _assigned(run, values)
            except (ArchbuilderError, OSError, ValueError):  # its YAML
                run = replace(run, state=DAMAGED)
        found.append(run)
    apart = {path: words for of_name in recipes.values() for path, words in _set_apart(of_name)}
    runs = [replace(run, differs=apart.get(run.path, "")) for run in found]
    return sorted(runs, key=lambda run: (run.started, run.path))


def _set_apart(recipes: Mapping[Path, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """The path of each run, and what tells it from the others."""
    rows = differences(list(recipes.values()))
    return ((str(path), sets_apart(rows, number)) for number, path in enumerate(recipes))


def _values(path: Path) -> Mapping[str, Any]:
    """What was trained, as plain data.  Raises ArchbuilderError, or ValueError for no network."""
    values = values_of_run(path)
    if not isinstance(values, Mapping):
        raise ValueError(f"{ARCHITECTURE} does not describe a network")
    return values


def _assigned(run: Listed, values: Mapping[str, Any]) -> Listed:
    """The run with what its file and its packs ask for; they are only checked where there are some."""
    if not any(values.get(key) for key in ASKING):
        return run
    report = check(run.path)
    found = state(report) if report.facts else ""
    return replace(run, assignment=found, goals=tuple(to_dict(standing) for standing in report.goals))


def _runs(folder: Path, depth: int) -> Iterator[Path]:
    if sum(lexists(folder / name) for name in TELLING) >= 2:
        yield folder
    if depth < DEEPEST:
        try:
            below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        except OSError:
            return
        for path in below:
            yield from _runs(path, depth + 1)


def _listed(path: Path) -> Listed:
    try:
        facts, environment, metrics = json_files.facts(path), json_files.environment(path), json_files.metrics(path)
        epochs = facts["train"]["epochs"]
        best = best_of(metrics) if metrics else None
        split = chosen_on(best) if best else ""
        return Listed(
            path=str(path),
            name=facts["name"],
            started=environment.get("started", ""),
            state=_state(path, len(metrics), epochs),
            done=len(metrics),
            epochs=epochs,
            test_accuracy=metrics[-1].get("test_accuracy") if metrics else None,
            best_accuracy=best[f"{split}_accuracy"] if best else None,
            best_epoch=best["epoch"] if best else None,
            chosen_on=split,
            params=facts["totals"]["params"],
            seconds=float(sum(record["seconds"] for record in metrics)),
            subset=facts["data"].get("subset"),
        )
    except (ArchbuilderError, OSError):
        return Listed(str(path), path.parent.name, "", DAMAGED, 0, 0, None, None, None, "", 0, 0.0)


def _state(path: Path, done: int, epochs: int) -> str:
    if is_locked(path):
        return "running"
    return "finished" if done >= epochs else "interrupted"


def cells(path: Path) -> dict[str, Cell]:
    """The columns of a run in a table of files and runs."""
    run = _listed(path)
    if run.state == DAMAGED:
        return {"state": DAMAGED}
    values = (run.state, run.done, run.test_accuracy, run.seconds)
    return {"epochs": run.epochs, **dict(zip(RUN, values, strict=True))}


def outcome(path: Path) -> str:
    """How far a run has come and how well, in words: finished, 5/5 epochs, test accuracy 93.80 %."""
    run = _listed(path)
    epochs = [f"{run.done}/{run.epochs} epochs"] if run.epochs else []
    tested = [f"test accuracy {run.test_accuracy:.2f} %"] if run.test_accuracy is not None else []
    return ", ".join([run.state, *epochs, *tested, *_subset(run)])


def _subset(run: Listed) -> list[str]:
    """On what part of the training images it was trained, in words; nothing for all of them."""
    if run.subset is None:
        return []
    return [
        f"trained on {run.subset:,} images" if isinstance(run.subset, int) else f"trained on {run.subset:.3g} of all"
    ]


def table(runs: list[Listed], style: Style = PLAIN) -> str:
    """For people; accuracies on the test images, the best one marked where a validation split chose it."""
    rows = [tuple(map(printable, (*_row(run), run.assignment, shorten(_apart(run), MAX_DIFFERENCES)))) for run in runs]
    empty = {number for number in (-2, -1) if not any(row[number] for row in rows)}
    kept = [number for number in range(len(HEADER)) if number - len(HEADER) not in empty]
    rows = [tuple(row[number] for number in kept) for row in (HEADER, *rows)]
    spare = ("started", "params", "time", "best")
    return "\n".join(columns(rows, LEFT, style, spare, whole={"run"}))


def _apart(run: Listed) -> str:
    """What sets a run apart; a subset is said of every run that has one: its accuracy is no other's."""
    return ", ".join(filter(None, (run.differs, *(_subset(run) if "data.subset" not in run.differs else ()))))


def _row(run: Listed) -> tuple[str, ...]:
    best = f"{run.best_accuracy:.2f} %" if run.best_accuracy is not None else ""
    return (
        run.path,
        run.started[:16].replace("T", " "),
        run.state,
        f"{run.done}/{run.epochs}" if run.epochs else "",
        f"{run.test_accuracy:.2f} %" if run.test_accuracy is not None else "",
        f"{best} (v)" if best and run.chosen_on == "validation" else best,
        f"{run.params:,}" if run.params else "",
        duration(run.seconds) if run.done else "",
    )


def to_json(runs: list[Listed]) -> str:
    """One JSON object, version 1."""
    return dumps({"version": 1, "runs": [asdict(run) for run in runs]})


def duration(seconds: float) -> str:
    """1.5 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
