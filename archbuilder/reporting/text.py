"""Reports as text for people: the table of layers, totals, limits, diagnostics with their excerpts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.ir.op import by
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable, render_diagnostic
from archbuilder.reporting.field import MARKS as MARKS
from archbuilder.reporting.field import field_lines, range_of
from archbuilder.reporting.memory import COLUMNS as MEMORY
from archbuilder.reporting.memory import memory_cells, memory_lines
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.width import narrowed, wrapped
from archbuilder.sources import REPEAT, is_run, seeds_of

HEADER = ("line", "layer", "block", "op", "output", "params", "MACs", "RF", "stride")
SPARE = ("block", "line", "kept", "stride", "live", "MACs")  # columns that a narrow screen drops, in this order
FEW = 5  # missing seeds that are named
LEFT = {"layer", "block", "op"}  # text columns; the others are numbers, aligned to the right


def pieces(
    reports: Iterable[Report],
    style: Style = PLAIN,
    table: bool = True,
    per_op: bool = False,
    outcome: Callable[[Path], str] = lambda run: "",
) -> Iterator[str]:
    """The text of a check, report by report, and its last line; `outcome` gives the progress of a run."""
    tally = Tally()
    seeds: dict[Path, dict[str, str]] = {}
    for report in tally.counting(reports):
        if report.run and (report.run.parent / REPEAT).is_file():
            from archbuilder.reporting.goals import state

            seeds.setdefault(report.run.parent, {})[report.run.name] = state(report)
        if shown := render(report, style, table, per_op, outcome(report.run) if report.run else ""):
            yield f"{shown}\n\n"
    for folder, states in seeds.items():
        if words := _of_seeds(folder, states):
            yield f"{printable(str(folder))}: {words}\n\n"
    yield tally.words(style)


def _of_seeds(folder: Path, states: Mapping[str, str]) -> str:
    """What is to be said of several seeds together, whose runs have these states; empty if not all were checked."""
    from archbuilder.reporting.goals import of_seeds

    try:
        seeds = seeds_of(folder)
    except ArchbuilderError:  # each run is whole without this
        return ""
    missing = [path.name for path in seeds if not is_run(path)]
    if any(path.name not in states for path in seeds if path.name not in missing):
        return ""
    if missing:
        more = f" and {len(missing) - FEW} more" if len(missing) > FEW else ""
        are = "is" if len(missing) == 1 else "are"
        return f"{len(missing)} of {len(seeds)} seeds {are} missing: {', '.join(missing[:FEW])}{more}"
    return of_seeds([states[path.name] for path in seeds]) if len(seeds) > 1 else ""


def render(report: Report, style: Style = PLAIN, table: bool = True, per_op: bool = False, outcome: str = "") -> str:
    """The whole report of one file or run, with or without the table of layers."""
    parts = []
    if report.facts:
        parts.append(f"{style.bold(printable(report.place))}: {report.name}")
        if table:
            parts += ["", *layer_table(report.facts, style, per_op), ""]
        if report.run:
            parts.append(f"run              {printable('; '.join(filter(None, (outcome, as_trained(report)))))}")
        parts += [*totals(report.facts), *(memory_lines(report.facts) if per_op else ()), *_limits(report, style)]
        if report.spec and report.spec.space:
            parts.append(f"space            {report.spec.space.words}")
        if report.rules:
            from archbuilder.reporting.rules import lines  # only where a pack is required

            parts += lines(report.rules, style, report.ignored)
        if report.goals or (report.run and report.rules):
            from archbuilder.reporting import goals

            judged = report.run is not None and goals.is_judged(report)
            parts += goals.verdict(report, style, ", as recorded") if judged else goals.lines(report, style)
    if report.diagnostics:
        parts += [""] * bool(parts) + [
            render_diagnostic(d, report.source_of(d), style, report.file) for d in report.diagnostics
        ]
    return wrapped("\n".join(parts), style.width)


def as_trained(report: Report) -> str:
    """The overrides that a run was trained with."""
    overrides = report.opened.overrides if report.opened else ()
    return (
        f"trained with {' '.join(f'--set {text}' for text in overrides)}" if overrides else "trained as its file says"
    )


def layer_table(facts: Facts, style: Style = PLAIN, per_op: bool = False) -> list[str]:
    """The rows of `layer_rows` as lines, under a header."""
    header = HEADER + MEMORY * per_op
    lines = columns([header, *layer_rows(facts, per_op)], LEFT, style, SPARE)
    return [style.bold(lines[0]), *lines[1:]]


def columns(
    rows: Sequence[tuple[str, ...]],
    left: Collection[str],
    style: Style = PLAIN,
    spare: Sequence[str] = (),
    whole: Collection[str] = (),
) -> list[str]:
    """Rows in columns under their header; columns in `left` are text, the others numbers.

    style: that of the screen they must fit on; columns in `spare` may be dropped for that, and the text of columns in
    `whole` is not cut.
    """
    if style.width is not None:
        rows = narrowed(rows, {*left} - {*whole}, style.width, spare, style.readable("…"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if title in left else cell.rjust(width)
            for cell, width, title in zip(row, widths, rows[0], strict=True)
        ).rstrip()
        for row in rows
    ]


def layer_rows(facts: Facts, per_op: bool = False) -> list[tuple[str, ...]]:
    """The cells of the table: one row per block (its conv, norm and activation together), or one per op with its
    memory."""
    if per_op:
        return [_row([layer]) + size for layer, size in zip(facts.layers, memory_cells(facts), strict=True)]
    return [_row(group) for group in groups(facts)]


def groups(facts: Facts) -> list[list[Layer]]:
    """The layers of each row of the table: those of one block in one scope."""
    together = groupby(facts.layers, lambda layer: (layer.node.name.rpartition(".")[0], id(layer.node.place)))
    return [list(group) for _, group in together]


def _row(layers: list[Layer]) -> tuple[str, ...]:
    first, last = layers[0].node, layers[-1].node
    params, macs = sum(layer.params for layer in layers), sum(layer.macs for layer in layers)
    reach = layers[-1].reach
    return (
        str(first.span.line or ""),
        first.name if len(layers) == 1 else first.name.rpartition(".")[0],
        first.block,
        ", ".join(layer.node.op.describe() + (f" ({layer.node.note})" if layer.node.note else "") for layer in layers),
        str(last.shape),
        f"{params:,}" if params else "",
        human(macs) if macs else "",
        range_of(reach) + MARKS[reach.status],
        by(reach.stride),
    )


def totals(facts: Facts) -> Iterator[str]:
    """The totals of a network."""
    frozen = f" ({facts.frozen_params:,} of them frozen)" if facts.frozen_params else ""
    yield f"parameters       {facts.params:,}{frozen}, and {facts.buffers:,} buffer values"
    yield f"MACs             {facts.macs:,} ({human(facts.macs)}) for one image"
    yield from field_lines(facts)


def _limits(report: Report, style: Style) -> Iterator[str]:
    ignored = {d.span for d in report.ignored}
    for number, measured in enumerate(report.limits):
        limit = measured.limit
        waved, failed = limit.span in ignored, "not ok" if measured.value is None else "MISSED"
        verdict = style.green("ok") if measured.ok else style.yellow("ignored") if waved else style.red(failed)
        title = "" if number else "limits"
        yield f"{title:16} {limit.name} {limit.text}: {measured.words}  {verdict}"


def problems(report: Report) -> str:
    """The number of findings: 1 error, 2 warnings."""
    errors = len(report.errors)
    found = ((errors, "error"), (len(report.found) - errors, "warning"))
    return ", ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in found if n) or "none"


def human(number: int) -> str:
    """1,234 -> 1.2k, 12,345,678 -> 12.3M."""
    for suffix, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.1f}{suffix}"
    return str(number)


@dataclass
class Tally:
    """The number of files and findings, for the last line of a check."""

    files: int = 0
    errors: int = 0
    warnings: int = 0
    ignored: int = 0

    def counting(self, reports: Iterable[Report]) -> Iterator[Report]:
        """The same reports; each is counted as it passes."""
        for report in reports:
            errors = len(report.errors)
            self.files += 1
            self.errors += errors
            self.warnings += len(report.found) - errors
            self.ignored += len(report.ignored)
            yield report

    def words(self, style: Style = PLAIN) -> str:
        """2 files checked, 1 error and 3 warnings, 1 ignored"""
        files = f"{self.files} file{'s' * (self.files != 1)} checked"
        counts = ((self.errors, "error"), (self.warnings, "warning"))
        problems = " and ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in counts if n) or "no problems"
        paint = style.red if self.errors else style.yellow if self.warnings else style.green
        return paint(f"{files}, {problems}{f', {self.ignored} ignored' if self.ignored else ''}")
