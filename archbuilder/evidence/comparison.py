"""Distributed runs side by side: their results, what they were trained with, and their curves in one drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.evidence import COMPARISON, EVALUATION, rendering
from archbuilder.evidence.curves import overlaid, overlaid_picture
from archbuilder.evidence.network import Table
from archbuilder.evidence.pictures import uri
from archbuilder.evidence.run_summary import settings
from archbuilder.ir.op import by
from archbuilder.reporting.dotted_settings import words
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import columns, human
from archbuilder.run import json_files
from archbuilder.run.differences import Row, captions, differences, sets_apart, written
from archbuilder.run.folder import RunFolder
from archbuilder.run.listing import duration
from archbuilder.run.result import Spread, best_of, chosen_on
from archbuilder.trained.open import Run, no_epoch
from archbuilder.version import __version__

HEADER = ("run", "test", "best", "epochs", "params", "MACs", "field", "time")
SPARE = ("time", "MACs", "field", "epochs")  # columns that a narrow screen leaves out, in this order
PLACES = ("archbuilder", "torch", "device", "device_name", "threads")  # entries of the environment that are compared
SEED = "train.seed"
MARKDOWN, PICTURE = "comparison.md", "comparison.png"


@dataclass(frozen=True)
class Comparison:
    """What is said of several runs; `seeds` is a sentence where they differ in nothing but their seed.

    captions: of their curves, each run by what sets it apart.
    """

    results: Table
    differences: Table
    classes: Table | None
    seeds: str
    captions: tuple[str, ...]


def compare(runs: Sequence[Run]) -> Comparison:
    """Raises ArchbuilderError AB760 for a run without a finished epoch."""
    for run in runs:
        if not run.metrics:
            raise ArchbuilderError(no_epoch(run.path))
    names = labels(runs)
    rows = differences([dict(settings(run)) | dict(written(run.plan.values)) | _places(run) for run in runs])
    different = [(name, *values) for name, values in rows]
    return Comparison(
        results=Table(
            HEADER, tuple(_result(name, run) for name, run in zip(names, runs, strict=True)), frozenset({"run"})
        ),
        differences=Table(("setting", *names), tuple(different), frozenset({"setting", *names})),
        classes=_classes(runs, names),
        seeds=_seeds(runs, [row[0] for row in different]),
        captions=tuple(_captions(rows, names)),
    )


def write_comparison(runs: Sequence[Run], folder: RunFolder) -> Comparison:
    """comparison.html, comparison.md and its picture into a folder.  Raises ArchbuilderError AB701, AB760."""
    found = compare(runs)
    metrics = {caption: run.metrics for caption, run in zip(found.captions, runs, strict=True)}
    charts = [{"source": uri(svg, "image/svg+xml"), "alt": alt} for alt, svg in overlaid(metrics)]
    values: dict[str, Any] = {"found": found, "charts": charts, "version": __version__}
    folder.write(PICTURE, overlaid_picture(metrics))
    folder.write(MARKDOWN, rendering.md("comparison.md.jinja", values))
    folder.write(COMPARISON, rendering.html("comparison.html.jinja", values))
    return found


def labels(runs: Sequence[Run]) -> list[str]:
    """A name for each run, as short as tells them apart: the network, the folder, both, or the whole path."""
    for name in (_network, _folder, lambda run: run.name, lambda run: str(run.path)):
        found = [name(run) for run in runs]
        if len(set(found)) == len(found):
            return found
    counted: Counter[str] = Counter()
    for number, name_of_one in enumerate(found):  # one run named twice
        counted[name_of_one] += 1
        found[number] = f"{name_of_one} ({counted[name_of_one]})"
    return found


def _network(run: Run) -> str:
    return run.plan.report.name


def _folder(run: Run) -> str:
    return run.path.resolve().name


def text(found: Comparison, style: Style = PLAIN) -> str:
    """For the terminal."""
    lines = columns([found.results.header, *found.results.rows], found.results.words, style, SPARE)
    if found.differences.rows:
        lines += ["", *_different(found.differences, style)]
    return "\n".join([*lines, *([found.seeds] if found.seeds else [])])


def _different(found: Table, style: Style) -> list[str]:
    """A row for each setting; where a screen has no room for so many runs, a row for each run."""
    lines = columns([found.header, *found.rows], found.words, style)
    if style.width is None or max(map(len, lines)) <= style.width:
        return lines
    settings = [(name, values) for name, *values in found.rows]
    runs = [(run, sets_apart(settings, number)) for number, run in enumerate(found.header[1:])]
    header = ("run", "differs in")
    return columns([header, *runs], header, style)


def _result(name: str, run: Run) -> tuple[str, ...]:
    facts, last, best = run.plan.report.facts, run.metrics[-1], best_of(run.metrics)
    assert facts is not None  # a plan has them
    split = chosen_on(best)
    chosen = f"{best[f'{split}_accuracy']:.2f} % ({split}, epoch {best['epoch']})"
    tested = last.get("test_accuracy")
    return (
        name,
        f"{tested:.2f} %" if tested is not None else "",
        chosen,
        f"{len(run.metrics)}/{run.plan.train.epochs}",
        f"{facts.params:,}",
        human(facts.macs),
        by(facts.field.size) if facts.field.status != "unknown" else "?",
        duration(sum(record["seconds"] for record in run.metrics)),
    )


def _captions(rows: Sequence[Row], names: Sequence[str]) -> Sequence[str]:
    """Of the curves: what differs, circumstances apart; the runs' names where that tells them apart no better."""
    found = captions([row for row in rows if row[0] not in PLACES], len(names))
    return found if len(set(found)) == len(names) else names


def _places(run: Run) -> dict[str, str]:
    noted = {name: words(run.environment[name]) for name in PLACES if name in run.environment}
    return {"network": run.plan.report.name} | noted


def _classes(runs: Sequence[Run], names: Sequence[str]) -> Table | None:
    """Accuracy class by class, where every run has been reported on the same classes."""
    try:
        found = [json_files.read(run.path / EVALUATION, json_files.Evaluation, "this is no evaluation") for run in runs]
        classes = found[0]["classes"]
        if any(
            one["classes"] != classes or one["epoch"] != len(run.metrics) for one, run in zip(found, runs, strict=True)
        ):
            return None
        shares = [[row[number] / sum(row) for number, row in enumerate(one["confusion"])] for one in found]
    except (ArchbuilderError, IndexError, ZeroDivisionError):
        return None
    rows = tuple((name, *(f"{100 * one[number]:.1f} %" for one in shares)) for number, name in enumerate(classes))
    return Table(("class", *names), rows, frozenset({"class"}))


def _seeds(runs: Sequence[Run], different: Sequence[str]) -> str:
    """Mean and spread over runs that differ in nothing but their seed."""
    results = [run.metrics[-1].get("test_accuracy") for run in runs]
    if set(different) != {SEED} or None in results or not all(run.finished for run in runs):
        return ""
    numbers = [float(result) for result in results if result is not None]
    spread = Spread.of(numbers)
    return (
        f"The runs differ in their seed alone: test accuracy {spread.mean:.2f} % in the mean of {len(numbers)}, "
        f"standard deviation {spread.deviation:.2f}, from {min(numbers):.2f} to {max(numbers):.2f} %."
    )
