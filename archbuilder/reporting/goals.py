"""Goals in a report: each with the result of the run, and whether the assignment is fulfilled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archbuilder.pipeline import Report
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.rules.goals import Standing

MOST = 3  # missing things that are named in a sentence
FULFILLED, NOT_YET, NOT = "fulfilled", "not fulfilled yet", "not fulfilled"


def lines(report: Report, style: Style = PLAIN) -> Iterator[str]:
    """A line for each goal, under the file or pack it comes from."""
    ignored = {d.span for d in report.ignored if d.code.id == "AB543"}
    title = ""
    for standing in report.goals:
        own = f"goals {standing.pack}".rstrip()
        head, title = ("" if own == title else own).ljust(max(16, len(own))), own
        yield f"{head} {standing.goal.words}: {_paint(standing, style, standing.place in ignored)}"


def verdict(report: Report, style: Style = PLAIN, source: str = "") -> Iterator[str]:
    """The goals of a run and whether the assignment is fulfilled; nothing if there is no goal.

    source: where the figures come from, in words."""
    yield from lines(report, style)
    if found := state(report):
        paint = {FULFILLED: style.green, NOT: style.red}.get(found, style.yellow)
        yield f"{'assignment':16} {paint(found)}{source}: {fulfilment(report)}"


def _paint(standing: Standing, style: Style, waved: bool) -> str:
    if standing.state == "missed" and not waved:
        mark = style.red("MISSED")
    elif standing.ok:
        mark = style.green("ok")
    else:
        mark = style.yellow("ignored" if waved else standing.state)
    return f"{standing.words}  {mark}" if standing.words else mark


def is_judged(report: Report) -> bool:
    """Whether no goal still waits for a run; so, too, where there are no goals."""
    return all(standing.state != "after training" for standing in report.goals)


def state(report: Report) -> str:
    """The state of the assignment of a run: fulfilled, not fulfilled, or not yet; empty without an assignment.

    Limits alone are not an assignment. A missed requirement that the user ignores still counts as missing."""
    if not report.rules and not report.goals:
        return ""
    if any(d.code.stops for d in report.errors):
        return NOT
    static = all(limit.ok for limit in report.limits) and all(rule.ok for rule in report.rules)
    if not static or any(each.state in ("missed", "not recorded") for each in report.goals):
        return NOT
    return FULFILLED if all(each.ok for each in report.goals) else NOT_YET


def of_seeds(states: Sequence[str]) -> str:
    """How many runs of several seeds are all that is asked for; empty where nothing is."""
    count = f"{states.count(FULFILLED)} of {len(states)} seeds"
    return f"{count} fulfil the assignment, each by itself" if any(states) else ""


def fulfilment(report: Report) -> str:
    """The reasons for `state`: the requirements that are met, or the first ones that are missing."""
    lacking = list(_lacking(report))
    more = f"; and {len(lacking) - MOST} more" if len(lacking) > MOST else ""
    return "; ".join(lacking[:MOST]) + more if lacking else _counted(report)


def _counted(report: Report) -> str:
    counts = ((len(report.limits), "limit"), (len(report.rules), "rule"), (len(report.goals), "goal"))
    return ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count)


def _lacking(report: Report) -> Iterator[str]:
    """Everything that is missing, goals first."""
    if found := [d for d in report.errors if d.code.stops]:
        yield f"its check ends at {found[0].code.id}, {found[0].message}"
    for standing in report.goals:
        if not standing.ok:
            yield f"{standing.goal.words}, {standing.state}{f': {standing.words}' if standing.words else ''}"
    yield from (f"{m.limit.name} {m.limit.text}, {m.words}" for m in report.limits if not m.ok)
    yield from (f"{verdict.pack}, {verdict.rule}: {verdict.message}" for verdict in report.rules if not verdict.ok)


def to_dict(standing: Standing) -> dict[str, Any]:
    """A goal as plain data."""
    return {
        "pack": standing.pack or None,
        **standing.goal.plain(),
        "state": standing.state,
        "ok": standing.ok,
        "value": standing.value,
        "message": standing.words,
        "line": standing.place.line or 1,
    }
