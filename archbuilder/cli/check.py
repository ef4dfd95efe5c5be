"""Check architectures: shapes, parameters, MACs, receptive field, limits; needs no torch."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli import _remedies
from archbuilder.cli._options import add_source_options
from archbuilder.diagnostics import Span
from archbuilder.document import MISSING
from archbuilder.pipeline import Report, check

STAGES = ("document", "spec", "graph", "facts")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="a YAML file, a folder of them, or - for standard input",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")
    add_source_options(parser)
    help = "a rule pack to satisfy, beside those that the file names: era-s9, mcu, or a file"
    parser.add_argument("--rules", metavar="PACK", action="append", default=[], help=help)
    parser.add_argument("--strict", action="store_true", help="warnings also give exit status 1")
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument("-q", "--quiet", action="store_true", help="leave the table of layers out")
    detail.add_argument(
        "-v", "--verbose", action="store_true", help="a row of the table for every op, not for every block"
    )
    detail.add_argument("--emit", choices=STAGES, help="print what a stage made instead of the report")
    _remedies.add_options(parser)


def run(args: Namespace) -> int:
    """Exit 0 all clean, 1 something found, 2 a file could not be read."""
    _remedies.verify(args)
    reports = [report for name in args.files for report in _reports(name, args.set, args.rules)]
    if args.fix is not None:
        reports = _remedies.fix(args, reports)
    if _remedies.is_filter(args):
        pass  # the text is printed
    elif args.emit:
        from archbuilder.reporting import stages

        print("\n".join(stages.render(report, args.emit) for report in reports))
    elif args.format == "json":
        from archbuilder.reporting import json

        shown = json.render(reports)
        print(_remedies.with_suggestions(args, reports, shown) if args.suggest else shown)
    else:
        _print(reports, args.quiet, args.verbose)
        if args.suggest:
            _remedies.show(args, reports)
    return max(_status(report, args.strict) for report in reports)


def _print(reports: list[Report], quiet: bool, verbose: bool) -> None:
    from archbuilder.reporting import style, text

    paint = style.style_of(sys.stdout)
    for report in reports:
        shown = text.render(report, paint, table=not quiet, per_op=verbose)
        if shown:
            print(shown, end="\n\n")
    print(text.summary(reports, paint))


def _status(report: Report, strict: bool) -> int:
    found = [d.exit_status for d in report.diagnostics if strict or d.severity == "error"]
    return max(found, default=0)


def _reports(name: str, overrides: list[str], rules: list[str]) -> list[Report]:
    """The reports on a file, or on every .yaml and .yml file in a folder and below; hidden folders are left out."""
    folder = Path(name)
    if name in ("-", "") or not _is_folder(folder):
        return [check(name, overrides, rules)]
    found = sorted(path for path in folder.rglob("*.y*ml") if path.suffix in (".yaml", ".yml") and path.is_file())
    shown = [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not shown:
        message = "the folder has no .yaml file in it"
        return [Report(name, diagnostics=(MISSING.at(Span(name), message, "name a folder of architectures"),))]
    return [check(path, overrides, rules) for path in shown]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or behind a folder that is closed: check says what is wrong
        return False
