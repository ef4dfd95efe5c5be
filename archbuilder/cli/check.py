"""Check architectures: shapes, parameters, MACs, receptive field, limits; needs no torch."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.document import MISSING
from archbuilder.pipeline import Report, check


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="a YAML file, a folder of them, or - for standard input")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="override a field: train.epochs=3")
    parser.add_argument("--strict", action="store_true", help="warnings also give exit status 1")
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument("-q", "--quiet", action="store_true", help="leave the table of layers out")
    detail.add_argument("-v", "--verbose", action="store_true", help="a row of the table for every op, not for every block")


def run(args: Namespace) -> int:
    """Exit 0 all clean, 1 something found, 2 a file could not be read."""
    reports = [check(file, args.set) for file in expand(args.files)]
    if args.format == "json":
        from archbuilder.reporting import json

        print(json.render(reports))
    else:
        _print(reports, args.quiet, args.verbose)
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
    found = [d.code.exit_status for d in report.diagnostics if strict or d.severity == "error"]
    return max(found, default=0)


def expand(names: list[str]) -> list[str]:
    """The files that names stand for: a folder is every .yaml and .yml file below it.

    Raises ArchbuilderError AB001 for a folder without any."""
    files: list[str] = []
    for name in names:
        path = Path(name)
        if name == "-" or not path.is_dir():
            files.append(name)
            continue
        found = sorted(str(p) for pattern in ("*.yaml", "*.yml") for p in path.rglob(pattern))
        if not found:
            span = Span(name)
            raise ArchbuilderError(MISSING.at(span, "the folder has no .yaml file in it", "name a folder of architectures"))
        files += found
    return files
