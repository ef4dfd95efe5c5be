"""Networks side by side: their totals, and for two networks the changes from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archbuilder.analysis.changes import Change, Part, changes
from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import Report, Source, check
from archbuilder.reporting import table
from archbuilder.reporting.diagnostic import printable
from archbuilder.reporting.field import field_of
from archbuilder.reporting.json import VERSION, dumps, to_dict
from archbuilder.reporting.markdown import code, grid
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import columns, human, problems

MOST = 4  # networks that fit beside each other on a screen
SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": "=", "follows": " "}
HEADER = ("", "line", "block", "was", "is", "params", "MACs", "RF")
LEFT = {"", "block", "was", "is"}
PLAIN_KEYS = ("name", "ok", "totals", "limits", "rules", "goals", "fulfilled")  # of a report as plain data

# title and number of the totals whose difference is meaningful
_NUMBERS: dict[str, Callable[[Facts], int]] = {
    "parameters": lambda facts: facts.params,
    "MACs": lambda facts: facts.macs,
    "layers": lambda facts: len(facts.layers),
    "peak activations, bytes": lambda facts: facts.memory.peak_bytes(),
    "kept for backward, bytes": lambda facts: facts.memory.training_bytes(),
    "weights on disk, bytes": lambda facts: facts.weight_bytes(),
}


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two networks or more side by side: `text` for people, `data` as `archbuilder compare --format json` prints it."""

    reports: tuple[Report, ...]

    @property
    def text(self) -> str:
        return render(self.reports)

    @property
    def data(self) -> dict[str, Any]:
        return plain(self.reports)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(report.name for report in self.reports)}>"


def compare(*sources: Source, overrides: Sequence[str] = (), rules: Sequence[str] = ()) -> Comparison:
    """Networks side by side; for two networks also the effect of each changed block on parameters, MACs and field.

    Raises ArchbuilderError for a network that cannot be analysed; missed limits are part of the comparison.

        >>> archbuilder.compare("architectures/tiny.yaml", "architectures/fast85.yaml").text.splitlines()[3].split()
        ['parameters', '49,954', '177,546', '+127,592', '(+255.4%)']
    """
    reports = tuple(check(source, overrides, rules) for source in sources)
    if wrong := [d for report in reports if report.facts is None for d in report.errors]:
        raise ArchbuilderError(*wrong)
    return Comparison(reports)


def render(reports: Sequence[Report], style: Style = PLAIN, of_run: table.OfRun = lambda run: {}) -> str:
    """The table of totals, for two networks also the table of changes; more than a few networks have one row each."""
    if len(reports) > MOST:
        return table.as_text(as_table(reports, of_run), style)
    lines = columns([("", *map(printable, titles(reports))), *total_rows(reports)], {""}, style)
    parts = [style.bold(lines[0]), *lines[1:]]
    if len(reports) == 2:
        parts += ["", *changes_of(reports[0], reports[1], style)]
    return "\n".join(parts)


def as_table(reports: Sequence[Report], of_run: table.OfRun = lambda run: {}) -> table.Table:
    """The networks as the rows of a table."""
    return table.tabulate(table.row(report, of_run) for report in reports)


def titles(reports: Sequence[Report]) -> Iterator[str]:
    """The names of the networks, or their files or runs if names are equal."""
    alike = len({report.name for report in reports}) < len(reports)
    yield from (report.place if alike else report.name for report in reports)
    if len(reports) == 2:
        yield "difference"


def total_rows(reports: Sequence[Report]) -> Iterator[tuple[str, ...]]:
    """The totals of all networks, one row each; for two networks with the difference."""
    facts = [report.facts for report in reports if report.facts]
    yield _row("input", [str(each.graph.input) for each in facts], "")
    yield _row("classes", [str(each.graph.classes or "none") for each in facts], "")
    for title, number in _NUMBERS.items():
        values = [number(each) for each in facts]
        yield _row(title, [f"{value:,}" for value in values], _difference(values[0], values[-1]))
        if title == "MACs":
            yield from _fields(facts)
    yield _row("limits", [_limits(report) for report in reports], "")
    if any(report.rules for report in reports):
        yield _row("rules", [_rules(report) for report in reports], "")
    if any(report.goals for report in reports):
        yield _row("goals", [_goals(report) for report in reports], "")
    yield _row("problems", [problems(report) for report in reports], "")


def _row(title: str, cells: Sequence[str], difference: str) -> tuple[str, ...]:
    return (title, *cells, *([difference] if len(cells) == 2 else []))


def _fields(facts: Sequence[Facts]) -> Iterator[tuple[str, ...]]:
    first, last = facts[0].field.size, facts[-1].field.size
    shown = [field_of(each.field) for each in facts]
    known = all(each.field.status != "unknown" for each in facts)
    yield _row("receptive field", shown, signed_pair((last[0] - first[0], last[1] - first[1])) if known else "")
    with_gap = [field_of(each.field_with_gap) for each in facts]
    yield _row("  with the global pool", with_gap, "")


def _difference(first: int, last: int) -> str:
    if first == last:
        return ""
    share = f" ({(last - first) / first:+.1%})" if first else ""
    return f"{last - first:+,}{share}"


def _limits(report: Report) -> str:
    if not report.limits:
        return "none"
    return ", ".join(f"{m.limit.name} {m.rest}" for m in report.limits if not m.ok) or "ok"


def _rules(report: Report) -> str:
    if not report.rules:
        return "none"
    missed = [verdict.rule for verdict in report.rules if not verdict.ok]
    return f"{len(missed)} missed: {', '.join(missed)}" if missed else "ok"


def _goals(report: Report) -> str:
    states = list(dict.fromkeys(standing.state for standing in report.goals))
    return ", ".join(f"{sum(each.state == state for each in report.goals)} {state}" for state in states) or "none"


def change_rows(found: Sequence[Change]) -> list[tuple[str, ...]]:
    """The effect of each changed block on the totals, and their sum; no rows if the blocks are the same."""
    return [*map(_cells, found), _sum(found)] if found else []


def changes_of(before: Report, after: Report, style: Style) -> Iterator[str]:
    """The table of changes, line by line, between two reports that have facts."""
    assert before.facts and after.facts
    found = changes(before.facts, after.facts)
    if not found:
        yield "the blocks are the same"
        return
    rows = [HEADER, *change_rows(found)]
    first, *lines = columns(rows, LEFT, style, ("line", "MACs"))
    yield style.bold(first)
    for change, line in zip(found, lines, strict=False):
        paint = {"added": style.green, "removed": style.red}.get(change.kind, str)
        yield paint(line)
    yield lines[-1]
    yield "+ added, - removed, ~ changed, = renamed; no sign: unchanged, but its cost differs because its input changed"


def _cells(change: Change) -> tuple[str, ...]:
    was, now = _described(change.before, change.after)
    part = change.after or change.before
    assert part is not None
    moved = change.before and change.after and change.before.path != change.after.path
    path = f"{change.before.path} > {part.path}" if moved and change.before else part.path
    return (SIGNS[change.kind], str(part.line or ""), path, was, now, *_deltas(change))


def _deltas(change: Change) -> tuple[str, str, str]:
    return signed(change.params), signed(change.macs, short=True), signed_pair(change.field)


def _sum(found: Sequence[Change]) -> tuple[str, ...]:
    field = sum(change.field[0] for change in found), sum(change.field[1] for change in found)
    macs = signed(sum(change.macs for change in found), short=True)
    return ("", "", "all", "", "", signed(sum(change.params for change in found)), macs, signed_pair(field))


def _described(before: Part | None, after: Part | None) -> tuple[str, str]:
    """The old and the new description, as long as necessary to tell them apart."""
    if before is None or after is None:
        return describe(before), describe(after)
    shapes = (str(before.shape), str(after.shape)) if before.shape != after.shape else ("", "")
    was, now = ([op.describe() for op in part.ops] for part in (before, after))
    if len(was) == len(now):  # leave out equal parts
        differ = [pair for pair in zip(was, now, strict=True) if pair[0] != pair[1]]
        was, now = [first for first, _ in differ], [second for _, second in differ]
    return _joined(was, shapes[0]), _joined(now, shapes[1])


def _joined(ops: Sequence[str], shape: str) -> str:
    return ": ".join(filter(None, (", ".join(ops), shape)))


def describe(part: Part | None) -> str:
    """The ops of a part and the shape it makes."""
    return _joined([op.describe() for op in part.ops], str(part.shape)) if part else ""


def signed(number: int, short: bool = False) -> str:
    """+1,234, or +1.2k; nothing for 0."""
    if not short or not number:
        return f"{number:+,}" if number else ""
    return ("+" if number > 0 else "-") + human(abs(number))


def signed_pair(pair: tuple[int, int]) -> str:
    """+4, or +4x-2 where the axes differ; nothing for 0."""
    if pair[0] == pair[1]:
        return signed(pair[0])
    return f"{pair[0]:+,}x{pair[1]:+,}"


def to_csv(reports: Sequence[Report], of_run: table.OfRun = lambda run: {}) -> str:
    """A row for each network, as a check has it."""
    return table.as_csv(as_table(reports, of_run))


def to_markdown(reports: Sequence[Report], of_run: table.OfRun = lambda run: {}) -> str:
    """The networks as a Markdown table; for two networks also the table of changes."""
    parts = [table.as_markdown(as_table(reports, of_run))]
    if len(reports) == 2 and reports[0].facts and reports[1].facts:
        parts.append(marked_down(changes(reports[0].facts, reports[1].facts)))
    return "\n\n".join(parts)


def marked_down(found: Sequence[Change]) -> str:
    """The table of changes as Markdown, with their sum."""
    if not found:
        return "The blocks are the same."
    rows = [[code(cell) if n in (0, 2, 3, 4) else cell for n, cell in enumerate(_cells(change))] for change in found]
    return grid(HEADER, [*rows, _sum(found)], LEFT)


def to_json(reports: Sequence[Report]) -> str:
    """The totals of all networks, and the changes between two, as one JSON object."""
    return dumps(plain(reports))


def plain(reports: Sequence[Report]) -> dict[str, Any]:
    """The same as plain data, version 1."""
    wanted = ("file", "run", *PLAIN_KEYS)
    files = [{key: value for key, value in to_dict(report).items() if key in wanted} for report in reports]
    found = plain_changes(*reports) if len(reports) == 2 else None
    return {"version": VERSION, "files": files, "changes": found}


def plain_changes(before: Report, after: Report) -> list[dict[str, Any]] | None:
    """The changes as plain data; None if one side has no facts."""
    if not before.facts or not after.facts:
        return None
    return [_to_dict(change) for change in changes(before.facts, after.facts)]


def _to_dict(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "before": _part(change.before),
        "after": _part(change.after),
        "params": change.params,
        "macs": change.macs,
        "receptive_field": list(change.field),
    }


def _part(part: Part | None) -> dict[str, Any] | None:
    if part is None:
        return None
    ops = [op.describe() for op in part.ops]
    return {"path": part.path, "block": part.word, "ops": ops, "out": list(part.shape[:3]), "line": part.line}
