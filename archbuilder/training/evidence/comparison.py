"""Several runs side by side: their results, what they were trained with, and their curves in one drawing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.ir.op import by
from archbuilder.reporting.text import columns, human
from archbuilder.training.curves import overlaid, overlaid_picture
from archbuilder.training.evidence import COMPARISON, EVALUATION, page
from archbuilder.training.evidence.network import Table
from archbuilder.training.evidence.pixels import uri
from archbuilder.training.evidence.story import settings, words
from archbuilder.training.folder import RunFolder
from archbuilder.training.listing import duration
from archbuilder.training.result import Spread, best_of, chosen_on
from archbuilder.training.runs import Run, no_epoch
from archbuilder.version import __version__

HEADER = ("run", "test", "best", "epochs", "params", "MACs", "field", "time")
PLACES = ("archbuilder", "torch", "device", "device_name", "threads")  # of the environment, worth a look
SEED = "train.seed"
MARKDOWN, PICTURE = "comparison.md", "comparison.png"


@dataclass(frozen=True)
class Comparison:
    """What is said of several runs; `seeds` is a sentence where they differ in nothing but their seed."""

    results: Table
    differences: Table
    classes: Table | None
    seeds: str


def compare(runs: Sequence[Run]) -> Comparison:
    """Raises ArchbuilderError AB760 for a run without a finished epoch."""
    for run in runs:
        if not run.metrics:
            raise ArchbuilderError(no_epoch(run.path))
    names = labels(runs)
    different = list(_differences(runs))
    return Comparison(
        results=Table(
            HEADER, tuple(_result(name, run) for name, run in zip(names, runs, strict=True)), frozenset({"run"})
        ),
        differences=Table(("setting", *names), tuple(different), frozenset({"setting", *names})),
        classes=_classes(runs, names),
        seeds=_seeds(runs, [row[0] for row in different]),
    )


def write_comparison(runs: Sequence[Run], folder: RunFolder) -> Comparison:
    """comparison.html, comparison.md and its picture into a folder.  Raises ArchbuilderError AB701, AB760."""
    found = compare(runs)
    metrics = {name: run.metrics for name, run in zip(labels(runs), runs, strict=True)}
    charts = [{"source": uri(svg, "image/svg+xml"), "alt": alt} for alt, svg in overlaid(metrics)]
    values: dict[str, Any] = {"found": found, "charts": charts, "version": __version__}
    folder.write(PICTURE, overlaid_picture(metrics))
    folder.write(MARKDOWN, page.md("comparison.md.jinja", values))
    folder.write(COMPARISON, page.html("comparison.html.jinja", values))
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


def text(found: Comparison) -> str:
    """For the terminal."""
    lines = columns([found.results.header, *found.results.rows], found.results.words)
    if found.differences.rows:
        lines += ["", *columns([found.differences.header, *found.differences.rows], found.differences.words)]
    return "\n".join([*lines, *([found.seeds] if found.seeds else [])])


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


def _differences(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    """Settings and circumstances that are not the same for all; one that a run has not is blank."""
    every = [dict(settings(run)) | _places(run) for run in runs]
    for name in dict.fromkeys(name for one in every for name in one):
        values = [one.get(name, "") for one in every]
        if len(set(values)) > 1:
            yield (name, *values)


def _places(run: Run) -> dict[str, str]:
    noted = {name: words(run.environment[name]) for name in PLACES if name in run.environment}
    return {"network": run.plan.report.name} | noted


def _classes(runs: Sequence[Run], names: Sequence[str]) -> Table | None:
    """Accuracy class by class, where every run has been reported on the same classes."""
    try:
        found = [json.loads((run.path / EVALUATION).read_bytes()) for run in runs]
        classes = found[0]["classes"]
        if any(
            one["classes"] != classes or one["epoch"] != len(run.metrics) for one, run in zip(found, runs, strict=True)
        ):
            return None
        shares = [[row[number] / sum(row) for number, row in enumerate(one["confusion"])] for one in found]
    except (OSError, ValueError, KeyError, TypeError, IndexError, ZeroDivisionError):
        return None
    rows = tuple((name, *(f"{100 * one[number]:.1f} %" for one in shares)) for number, name in enumerate(classes))
    return Table(("class", *names), rows, frozenset({"class"}))


def _seeds(runs: Sequence[Run], different: Sequence[str]) -> str:
    """Mean and spread over runs that differ in nothing but their seed."""
    results = [run.metrics[-1].get("test_accuracy") for run in runs]
    networks = [run.plan.values["network"] for run in runs]
    alike = set(different) == {SEED} and all(network == networks[0] for network in networks)
    if not alike or None in results or not all(run.finished for run in runs):
        return ""
    numbers = [float(result) for result in results if result is not None]
    spread = Spread.of(numbers)
    return (
        f"The runs differ in their seed alone: test accuracy {spread.mean:.2f} % in the mean of {len(numbers)}, "
        f"standard deviation {spread.deviation:.2f}, from {min(numbers):.2f} to {max(numbers):.2f} %."
    )
