"""Many files as one table: one row per file, one column per total, limit, rule and goal.

Only the row of a report is kept, so many files need little memory. The columns and their order depend only on the files
and the rule packs, not on results: `FIXED`, then limits, then rules and goals, first those of the packs that the
command names.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from string import ascii_letters

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, did_you_mean
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable, said
from archbuilder.reporting.markdown import code, grid
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import Tally, columns, human
from archbuilder.rules.limits import FIELD, QUANTITIES

NO_COLUMN = declare(
    "AB940",
    "a table sorted by an unknown column",
    exit_status=2,
    why=(
        "The columns for limits and rules depend on the files and the rule packs. A table in another order than "
        "requested is easily misread."
    ),
    bad="$ archbuilder check net.yaml --format csv --sort size",
    good="$ archbuilder check net.yaml --format csv --sort params",
)

Cell = int | float | str | None
Row = dict[str, Cell]
OfRun = Callable[[Path], Mapping[str, Cell]]  # further values of a run: its columns RUN

RUN = ("state", "epochs_done", "test_accuracy", "train_seconds")
FIXED = (
    "file",
    "name",
    "status",
    "assignment",
    "errors",
    "warnings",
    "ignored",
    *QUANTITIES,
    "subset",
    "epochs",
    *RUN,
    "codes",
    "problem",
)

OK, MISSED, IGNORED, UNKNOWN = "ok", "missed", "ignored", "unknown"  # the results of limits and rules
UNTRAINED = "after training"  # the result of a goal of a file; in a run goals have other states
_MARKS: dict[Cell, str] = {OK: ".", MISSED: "X", IGNORED: "i", UNTRAINED: "-", None: " "}
# including the wide forms on East Asian keyboards
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class Table:
    """Rows in display order, and the titles of their columns."""

    rows: tuple[Row, ...]
    titles: tuple[str, ...]


def pieces(
    reports: Iterable[Report],
    form: str,
    sort: str | None = None,
    packs: Sequence[str] = (),
    of_run: OfRun = lambda run: {},
    style: Style = PLAIN,
) -> Iterator[str]:
    """The table of a check as summary, csv or markdown; `packs` apply to all files.

    Raises ArchbuilderError AB510 for a pack that cannot be used, AB940 for an unknown column to sort by."""
    asked = _rules_of(packs) if packs else []
    tally = Tally()
    table = tabulate((row(report, of_run) for report in tally.counting(reports)), asked, sort)
    if form == "csv":
        yield as_csv(table)
    elif form == "markdown":
        yield as_markdown(table)
    else:
        yield f"{as_text(table, style)}\n\n{tally.words(style)}"


def _rules_of(packs: Sequence[str]) -> list[str]:
    """The columns of the packs that a command names."""
    from archbuilder.rules.packs import of_options  # only where a pack is required

    found = of_options(packs)
    rules = _numbered("rules", ((pack.name, rule.title) for pack in found for rule in pack.rules))
    return [*rules, *_numbered("goals", ((pack.name, goal.words) for pack in found for goal in pack.goals))]


def tabulate(rows: Iterable[Row], asked: Sequence[str] = (), sort: str | None = None) -> Table:
    """The rows with all their columns and those of `asked`, in order or sorted by a column.

    sort: a column, smallest first; with a dash before it largest first. Rows with an empty cell come last.
    """
    rows = list(rows)
    found = dict.fromkeys(title for row in rows for title in row if _is_check(title))
    limits = [title for name in QUANTITIES for title in _limit(name) if title in found]
    titles = (*FIXED, *dict.fromkeys([*limits, *asked, *found]))
    return Table(tuple(_sorted(rows, sort, titles) if sort else rows), titles)


def _is_check(title: str) -> bool:
    return title.startswith(("limits.", "rules.", "goals."))


def is_verdict(title: str) -> bool:
    """Whether a column has results of a limit, a rule or a goal."""
    return _is_check(title) and not title.endswith(".left")


def _limit(name: str) -> tuple[str, str]:
    """The columns of a limit: its result, and how much of the budget is left."""
    return f"limits.{name}", f"limits.{name}.left"


def _sorted(rows: list[Row], sort: str, titles: Sequence[str]) -> list[Row]:
    title = sort.removeprefix("-")
    if title not in titles:
        raise ArchbuilderError(
            NO_COLUMN.at(Span(f"--sort {sort}"), f"there is no column {title}", did_you_mean(title, titles, True))
        )
    known = [row for row in rows if row.get(title) is not None]
    known.sort(key=lambda row: _key(row[title]), reverse=sort != title)
    return [*known, *(row for row in rows if row.get(title) is None)]


def _key(cell: Cell) -> tuple[float, str]:
    return (0.0, cell.casefold()) if isinstance(cell, str) else (cell or 0.0, "")


def row(report: Report, of_run: OfRun = lambda run: {}) -> Row:
    """The row of a report."""
    errors = report.errors
    data, train = (report.spec.data, report.spec.train) if report.spec else (None, None)
    cells: Row = {
        "file": report.place,
        "name": report.name if report.spec else None,
        "status": _status(report),
        "errors": len(errors),
        "warnings": len(report.found) - len(errors),
        "ignored": len(report.ignored),
        "subset": data.subset if data else None,
        "epochs": train.epochs if train else None,
        "codes": " ".join(sorted({d.code.id for d in errors})) or None,
        "problem": _problem(errors[0], report) if errors else None,
    }
    if report.facts:
        cells |= {name: quantity.value(report.facts, quantity.dtype) for name, quantity in QUANTITIES.items()}
    if report.run:
        cells |= of_run(report.run)
    if report.rules or report.goals:
        from archbuilder.reporting.goals import state  # only where there are some

        cells["assignment"] = state(report)
    return cells | dict(_limits(report)) | dict(_rules(report)) | dict(_goals(report))


def _status(report: Report) -> str:
    if not report.errors:
        return OK
    if report.facts:
        return MISSED
    return "unreadable" if any(d.exit_status == 2 for d in report.errors) else "wrong"


def _problem(d: Diagnostic, report: Report) -> str:
    line = f" line {d.span.line}" if d.span.line and d.span.file == report.file else ""
    return f"{d.code.id}{line}: {said(d, report.file)}"


def _limits(report: Report) -> Iterator[tuple[str, Cell]]:
    ignored = {d.span for d in report.ignored}
    for measured in report.limits:
        verdict, left = _limit(measured.limit.name)
        missed = UNKNOWN if measured.value is None else IGNORED if measured.limit.span in ignored else MISSED
        yield verdict, OK if measured.ok else missed
        yield left, measured.left


def _rules(report: Report) -> Iterator[tuple[str, Cell]]:
    titles = _numbered("rules", ((verdict.pack, verdict.rule) for verdict in report.rules))
    for title, verdict in zip(titles, report.rules, strict=True):
        waved = all(finding in report.ignored for finding in verdict.findings)
        yield title, OK if verdict.ok else IGNORED if waved else MISSED


def _goals(report: Report) -> Iterator[tuple[str, Cell]]:
    ignored = {d.span for d in report.ignored}
    titles = _numbered("goals", ((standing.pack, standing.goal.words) for standing in report.goals))
    for title, standing in zip(titles, report.goals, strict=True):
        waved = standing.state == MISSED and standing.place in ignored
        yield title, OK if standing.ok else IGNORED if waved else standing.state


def _numbered(kind: str, asked: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The column of each rule or goal of a pack; a second one of the same name gets the suffix `-2`."""
    seen: Counter[tuple[str, str]] = Counter()
    for pack, name in asked:
        seen[pack, name] += 1
        again = f"-{seen[pack, name]}" if seen[pack, name] > 1 else ""
        yield f"{kind}.{f'{pack}.' if pack else ''}{name}{again}"


def as_csv(table: Table) -> str:
    """Comma-separated values: one header, plain numbers, and no cell that a spreadsheet could take for a formula.

    Source: RFC 4180, with lines as every program writes them; OWASP, CSV Injection."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.titles)
    writer.writerows([_for_spreadsheets(row.get(title)) for title in table.titles] for row in table.rows)
    return text.getvalue().removesuffix("\n")


def _for_spreadsheets(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def as_markdown(table: Table) -> str:
    """A Markdown table without empty columns; errors are in the last column."""
    left_out = {"codes", "ignored", "problem"}
    titles = [title for title in table.titles if title not in left_out and (is_verdict(title) or not _is_check(title))]
    titles.append("problem")
    titles = [title for title in titles if any(row.get(title) is not None for row in table.rows)]
    rows = [[_marked_down(title, row.get(title)) for title in titles] for row in table.rows]
    words = {title for title in titles if any(isinstance(row.get(title), str) for row in table.rows)}
    return grid(titles, rows, words)


def _marked_down(title: str, cell: Cell) -> str:
    if title in ("file", "name", "problem"):
        return code(cell or "")
    return _number(cell)


def _number(cell: Cell) -> str:
    """A cell for people: 1,234 and 93.80; three digits for numbers below one, such as shares."""
    if isinstance(cell, float):
        return f"{cell:,.2f}" if cell >= 1 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell or ""


def as_text(table: Table, style: Style = PLAIN) -> str:
    """For a screen: totals, and a letter for each limit, rule and goal, with a legend below."""
    checks = [title for title in table.titles if is_verdict(title)]
    lettered = dict(islice(zip(ascii_letters, checks, strict=False), len(ascii_letters)))
    letters = "".join(lettered)
    header = ("file", "status", "params", "MACs", "RF", "epochs", "accuracy", letters)
    rows = [(*_summary(row), "".join(_MARKS.get(row.get(c), "?") for c in lettered.values())) for row in table.rows]
    kept = [n for n, title in enumerate(header) if n < 2 or any(cells[n] for cells in rows)]
    shown = [tuple(cells[n] for n in kept) for cells in (header, *rows)]
    lines = columns(shown, {"file", "status", letters}, style, ("epochs", "MACs", "RF"), {letters})
    width = max(map(len, lettered.values()), default=0)
    legend = [f"{letter}  {title:{width}}  {_kept(title, table.rows, style)}" for letter, title in lettered.items()]
    if more := len(checks) - len(lettered):
        legend.append(f"and {more} more, which csv and markdown have")
    if legend:
        shown_marks = {row.get(title) for row in table.rows for title in lettered.values()}
        legend.append("  ".join(f"{mark} {word}" for word, mark in _MARKS.items() if word in shown_marks - {None}))
    return "\n".join([style.bold(lines[0]), *lines[1:], *([""] if legend else []), *legend])


def _summary(row: Row) -> tuple[str, ...]:
    macs, accuracy = row.get("macs"), row.get("test_accuracy")
    stopped = row["status"] in ("wrong", "unreadable")
    return (
        printable(str(row["file"])),
        f"{row['status']} {row['codes']}" if stopped else str(row["status"]),
        _number(row.get("params")),
        human(macs) if isinstance(macs, int) else "",
        _number(row.get(FIELD)),
        f"{row['epochs_done']}/{row['epochs']}" if row.get("epochs_done") is not None else "",
        f"{accuracy:.2f} %" if isinstance(accuracy, float) else "",
    )


def _kept(title: str, rows: Sequence[Row], style: Style) -> str:
    """The results of a limit, a rule or a goal in all rows: 3 of 40 missed, 1 ignored."""
    found = Counter(row.get(title) for row in rows)
    asked = len(rows) - found[None]
    others = [f"{count} {word}" for word, count in found.items() if word not in (OK, MISSED, None)]
    well = [f"{found[OK]} ok"] if found[OK] else []
    first = [style.red(f"{found[MISSED]} of {asked} missed")] if found[MISSED] else well
    return ", ".join([*first, *others])
