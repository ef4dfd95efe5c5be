"""Check architectures: shapes, parameters, MACs, field, limits.

It does not need torch. A folder means every .yaml and .yml file in it, a run the network that it trained, and a folder
that `train --repeat` made the run of each seed.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.cli import _codes, _remedies
from archbuilder.cli._analysed import cells_of_run, outcome_of_run
from archbuilder.cli._options import add_source_options
from archbuilder.cli._output import same_file, write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.document.text import MISSING
from archbuilder.pipeline import Report, check
from archbuilder.sources import is_run, seeds_of

if TYPE_CHECKING:
    from archbuilder.reporting.style import Style

UNWRITABLE = declare(
    "AB945",
    "a report that cannot be written",
    exit_status=2,
    why=(
        "The folder is missing, read-only or full, or the report would overwrite a file that is being checked. An "
        "older file of that name is unchanged."
    ),
    bad="$ archbuilder check net.yaml --output-file net.yaml",
    good="$ archbuilder check net.yaml --output-file report.txt",
)

FORMATS = ("text", "concise", "json", "github", "sarif")
TABLES = ("summary", "csv", "markdown")  # one row for each file
STAGES = ("document", "spec", "graph", "facts")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="a YAML file, a folder of them, a run, or - for standard input",
    )
    help = (
        "text for people; concise: one line per finding; json, github (annotations) and sarif for programs; "
        "summary, csv and markdown: one table of all files"
    )
    parser.add_argument("--format", choices=(*FORMATS, *TABLES), default="text", help=help)
    help = "sort the rows of a table by a column (see --format csv); --sort=-COLUMN puts the largest first"
    parser.add_argument("--sort", metavar="COLUMN", help=help)
    parser.add_argument("--output-file", metavar="FILE", help="write the report to a file, completely or not at all")
    _codes.add_code_options(parser)
    add_source_options(parser)
    help = "a rule pack to satisfy in addition to those of the file: era-s9, mcu, or a file"
    parser.add_argument("--rules", metavar="PACK", action="append", default=[], help=help)
    help = "also count findings that comments in the files ignore"
    parser.add_argument("--no-ignore-comments", action="store_true", help=help)
    parser.add_argument("--strict", action="store_true", help="warnings also give exit status 1")
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument("-q", "--quiet", action="store_true", help="do not print the table of layers")
    detail.add_argument("-v", "--verbose", action="store_true", help="one row of the table per op, not per block")
    detail.add_argument("--emit", choices=STAGES, help="print the result of a stage instead of the report")
    _remedies.add_options(parser)


def run(args: Namespace) -> int:
    """Exit 0 all clean, 1 something found, 2 a file could not be read or the arguments are bad."""
    _remedies.verify(args)
    if args.sort and args.format not in TABLES:
        message = "only tables can be sorted"
        raise ArchbuilderError(_remedies.NOT_TOGETHER.at(Span("--sort"), message, f"add --format {TABLES[0]}"))
    counting = _counting(args)
    status = Status(args.strict)
    reports = status.watching(
        counting(report) for name in args.files for report in _reports(name, args.set, args.rules)
    )
    if args.output_file:
        reports = _sparing_sources(args, reports)
    if args.fix is not None:
        reports = status.watching(_remedies.fix(args, list(reports), counting))
    if _remedies.is_filter(args):  # the edited text is already printed
        deque(reports, maxlen=0)
    else:
        _write(_shown(args, reports, counting), args.output_file)
    return status.worst


def _counting(args: Namespace) -> Callable[[Report], Report]:
    """The function that reduces a report to the findings that count."""
    selection = _codes.selection(args)
    return (lambda report: selection(report.heeding_no_comment())) if args.no_ignore_comments else selection


class Status:
    """The exit status of a check, computed while the reports pass: they are never all in memory at once."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.worst = 0

    def watching(self, reports: Iterable[Report]) -> Iterator[Report]:
        self.worst = 0  # of the reports that are printed: with --fix those after the edit
        for report in reports:
            found = (d.exit_status for d in report.diagnostics if self.strict or d.severity == "error")
            self.worst = max(self.worst, *found, 0)
            yield report


def _sparing_sources(args: Namespace, reports: Iterable[Report]) -> Iterator[Report]:
    """The reports. Raises ArchbuilderError AB945 if the output would overwrite a file that a report is made from."""
    for report in reports:
        if any(same_file(args.output_file, name) for name in {*args.rules, *args.blocks, *_read_for(report)}):
            message = "the report would overwrite a file that is checked, or that the check reads"
            hint = "name another file with --output-file"
            raise ArchbuilderError(UNWRITABLE.at(Span(args.output_file), message, hint))
        yield report


def _read_for(report: Report) -> Iterator[str]:
    """The file of a report, its bases, and the rule packs that they name."""
    if report.document:
        yield from (*report.document.sources, *report.document.links.values())


def _shown(args: Namespace, reports: Iterable[Report], counting: _remedies.Counting) -> Iterator[str]:
    """The reports in the requested format, piece by piece."""
    if args.emit:
        return _emitted(reports, args.emit)
    if args.format in ("text", "concise"):
        return _for_people(args, reports, counting)
    if args.format in TABLES:
        from archbuilder.reporting import table

        return table.pieces(reports, args.format, args.sort, args.rules, cells_of_run, _style(args))
    if args.suggest:  # only possible with JSON
        from archbuilder.reporting import json

        return json.pieces(reports, lambda report: _remedies.as_data(args, report, counting))
    shown: Iterator[str] = import_module(f"archbuilder.reporting.{args.format}").pieces(reports)
    return shown


def _emitted(reports: Iterable[Report], stage: str) -> Iterator[str]:
    """The result of a stage for each file; problems go to standard error."""
    from archbuilder.reporting import stages
    from archbuilder.reporting.diagnostic import render_diagnostic
    from archbuilder.reporting.style import style_of

    between = ""
    for report in reports:
        if made := stages.render(report, stage):
            yield between + made
            between = "\n"
        for d in report.errors:
            print(render_diagnostic(d, report.source_of(d), style_of(sys.stderr), report.file), file=sys.stderr)


def _for_people(args: Namespace, reports: Iterable[Report], counting: _remedies.Counting) -> Iterator[str]:
    style = _style(args)
    if args.format == "concise":
        from archbuilder.reporting import concise

        yield from concise.pieces(reports, style)
        return
    from archbuilder.reporting import text

    if args.suggest:
        reports = list(reports)  # proposals follow the reports on all files
    yield from text.pieces(reports, style, table=not args.quiet, per_op=args.verbose, outcome=outcome_of_run)
    if args.suggest:
        yield from (f"\n\n{proposal}" for proposal in _remedies.shown(args, list(reports), counting, style))


def _style(args: Namespace) -> Style:
    from archbuilder.reporting.style import PLAIN, style_of

    return PLAIN if args.output_file else style_of(sys.stdout)


def _write(pieces: Iterable[str], file: str | None) -> None:
    """Print the pieces, or write them into a file, with a line break at the end of all."""
    if file:
        data = (piece.encode("utf-8", "backslashreplace") for piece in _ended(pieces))
        write_file(file, data, UNWRITABLE, "name another file with --output-file")
        return
    for piece in _ended(pieces):
        sys.stdout.write(piece)


def _ended(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces, and a line break after the last one if there are any."""
    end = ""
    for piece in pieces:
        yield piece
        end = "\n"
    yield end


def _reports(name: str, overrides: list[str], rules: list[str]) -> Iterable[Report]:
    """The reports on a file or a run, or on the files of a folder."""
    folder = Path(name)
    if name in ("-", "") or not _is_folder(folder) or is_run(folder):
        return [check(name, overrides, rules)]
    if seeds := [path for path in seeds_of(folder) if is_run(path)]:
        return (check(path, overrides, rules) for path in seeds)
    runs: list[Path] = []
    if found := sorted(_files(folder, runs)):
        return (check(path, overrides, rules) for path in found)
    message, hint = "there is no .yaml file in the folder", "name a folder of architectures"
    if runs:
        message, hint = f"{message} except in runs", f"to check a run, name it: {max(runs)}"
    return [Report(name, diagnostics=(MISSING.at(Span(name), message, hint),))]


def _files(folder: Path, runs: list[Path]) -> Iterator[Path]:
    """Every .yaml and .yml file in a folder and below, except in hidden folders and in runs, which are collected."""
    for here, below, names in os.walk(folder):
        runs += [path for name in below if is_run(path := Path(here, name))]
        below[:] = [name for name in below if not name.startswith(".") and Path(here, name) not in runs]
        files = (Path(here, name) for name in names if name.endswith((".yaml", ".yml")) and not name.startswith("."))
        yield from (file for file in files if file.is_file())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or in a folder that may not be read: check reports it
        return False
