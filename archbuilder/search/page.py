"""search.html: the front, the importance of each choice, the winner beside the file that the search started from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from archbuilder.evidence.network import Table
from archbuilder.evidence.pictures import uri
from archbuilder.evidence.rendering import html
from archbuilder.exporters.svg import export
from archbuilder.pipeline import Report, check_text
from archbuilder.reporting.text import human
from archbuilder.search.course import Course, Trial
from archbuilder.search.folder import PAGE
from archbuilder.search.sampling import Proposed, importances
from archbuilder.search.steps import CANDIDATE
from archbuilder.version import __version__

DRAWN = 12  # networks of the front that are shown with drawing and YAML


@dataclass(frozen=True)
class Shown:
    """A network on the page: its description, drawing and text."""

    number: int
    words: str
    drawing: str
    yaml: str


def write_page(course: Course) -> None:
    """Write the page again. Raises ArchbuilderError AB701."""
    folder, (header, rows) = course.folder, course.table
    cost = next((name for name in course.settings.minimise if name != "latency"), "params")
    values: dict[str, Any] = {
        "version": __version__,
        "name": course.settings.name,
        "closing": list(course.closing()),
        "cost": cost,
        "plot": uri(plot(course, cost).encode(), "image/svg+xml"),
        "worth": list(_worth(course)),
        "front": [_shown(course, trial) for trial in course.front[:DRAWN]],
        "difference": course.difference(),
        "beside": _beside(course),
        "trials": Table(tuple(header), tuple(tuple(map(str, row)) for row in rows), frozenset(_words(course))),
    }
    folder.write(PAGE, html("search.html.jinja", values))


def _words(course: Course) -> Iterator[str]:
    yield from (choice.path for choice in course.judge.space.choices if not choice.range)
    yield "failed"


def _shown(course: Course, trial: Trial) -> Shown:
    text = (course.folder.trial(trial.number) / CANDIDATE).read_text(encoding="utf-8")
    sizes = f"{trial.asked.verdict.value('params'):,} parameters, {human(trial.asked.verdict.value('macs'))} MACs"
    epochs = course.settings.rungs[trial.rung]
    words = f"trial {trial.number}: {trial.accuracy or 0:.2f} % after {epochs} epochs, {sizes}"
    return Shown(trial.number, words, _drawing(check_text(text, course.settings.file)), text)


def _drawing(report: Report) -> str:
    assert report.graph and report.facts
    return uri(export(report.graph, report.facts).encode(), "image/svg+xml")


def _beside(course: Course) -> dict[str, Any] | None:
    """The start and the winner, each with its numbers and its drawing; None if nothing was chosen."""
    best = course.best
    if best is None or course.is_repeat:
        return None
    start = check_text(course.judge.document.text, course.settings.file)
    assert start.facts is not None and best.asked.verdict.facts is not None
    pairs = (start.facts, best.asked.verdict.facts)
    rows = (
        ("parameters", *(f"{facts.params:,}" for facts in pairs)),
        ("MACs", *(f"{facts.macs:,}" for facts in pairs)),
        ("receptive field", *("x".join(map(str, facts.field.size)) for facts in pairs)),
        ("peak of activations", *(f"{facts.memory.peak_bytes('float32'):,} bytes" for facts in pairs)),
    )
    table = Table(("", "start", f"trial {best.number}"), rows, frozenset({""}))
    return {"table": table, "start": _drawing(start), "winner": _shown(course, best)}


def _worth(course: Course) -> Iterator[tuple[str, str, float, str]]:
    """(path, importance, width of the bar, range of the importance), the most important first."""
    if not isinstance(course.sampler, Proposed):
        return
    found = list(importances(course.sampler.study, course.judge.space, course.settings.seed))
    for path, middle, low, high in sorted(found, key=lambda worth: -worth[1]):
        yield path, f"{middle:.0%}", 100 * middle, f"{low:.0%} to {high:.0%}"


# the plot is written directly as SVG: it must be inside the page, and has few points

WIDE, HIGH, LEFT, BELOW = 720, 380, 70, 50
STYLE = """text { font: 12px "Helvetica Neue", Helvetica, Arial, sans-serif; fill: #52606d }
.grid { stroke: #e4e9ee } .line { fill: none; stroke: #d1495b; stroke-width: 1.5; stroke-dasharray: 4 3 }
.pale { fill: #b7c2cd } .front { fill: #d1495b } .name { fill: #1b2733; font-weight: 600 }"""


def plot(course: Course, cost: str) -> str:
    """Accuracy over a cost: an SVG with each trial as a point, those of the front named."""
    points = [
        (float(trial.asked.verdict.value(cost)), trial.accuracy, trial)
        for trial in course.trials.values()
        if trial.accuracy is not None and not trial.failed
    ]
    if not points:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="40"></svg>'
    across = _scale([x for x, _, _ in points], LEFT, WIDE - 20)
    up = _scale([y for _, y, _ in points], HIGH - BELOW, 20)
    front = sorted(((across[0](p[0]), up[0](p[1]), p[2]) for p in points if p[2] in course.front), key=lambda p: p[0])
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}">',
        f"<style>{STYLE}</style>",
        *(f'<path class="grid" d="M{LEFT} {up[0](y):.1f}H{WIDE - 20}"/>' for y in up[1]),
        *(f'<text x="{LEFT - 8}" y="{up[0](y) + 4:.1f}" text-anchor="end">{y:g} %</text>' for y in up[1]),
        *(
            f'<text x="{across[0](x):.1f}" y="{HIGH - BELOW + 20}" text-anchor="middle">{human(int(x))}</text>'
            for x in across[1]
        ),
        f'<text x="{(LEFT + WIDE) / 2:.0f}" y="{HIGH - 10}" text-anchor="middle">{escape(cost)}</text>',
        *(
            f'<circle class="pale" cx="{across[0](x):.1f}" cy="{up[0](y):.1f}" r="{3 + trial.rung}"/>'
            for x, y, trial in points
        ),
        f'<path class="line" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y, _ in front)}"/>',
        *(f'<circle class="front" cx="{x:.1f}" cy="{y:.1f}" r="6"/>' for x, y, _ in front),
        *(f'<text class="name" x="{x + 9:.1f}" y="{y + 4:.1f}">{trial.number}</text>' for x, y, trial in front),
        "</svg>",
    ]
    return "\n".join(lines)


def _scale(values: Sequence[float], start: float, end: float) -> tuple[Callable[[float], float], list[float]]:
    """A function that maps values to coordinates, and round values for the axis."""
    low, high = min(values), max(values)
    step = _round((high - low) / 4 or max(abs(high) / 4, 1.0))
    first, last = step * (low // step), step * -(-high // step)
    last = last if last > first else first + step
    ticks = [first + step * number for number in range(round((last - first) / step) + 1)]
    return lambda value: start + (value - first) / (last - first) * (end - start), ticks


def _round(step: float) -> float:
    """The next number of 1, 2, 5, 10 ... that is not smaller."""
    size = 1.0
    while size < step:
        size *= 10
    while size / 10 >= step:
        size /= 10
    return next(size * part for part in (0.2, 0.5, 1.0) if size * part >= step)
