"""List runs: progress, accuracy, time, and in what they differ."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span, declare

NO_FOLDER = declare(
    "AB910",
    "a folder of runs that does not exist",
    exit_status=2,
    why="Without an argument it is the folder `runs` in the current folder, where `train` writes runs by default.",
    bad="$ archbuilder runs",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder runs""",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", nargs="?", default="runs", help="folder of runs (default: runs)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")


def run(args: Namespace) -> int:
    """Exit 0, even if there are none; 2 if there is no such folder."""
    from archbuilder.reporting.style import style_of
    from archbuilder.run.listing import listing, table, to_json

    folder = Path(args.folder)
    if not folder.is_dir():
        hint = "name the folder that was given to train as --out"
        raise ArchbuilderError(NO_FOLDER.at(Span(args.folder), "there is no such folder", hint))
    found = listing(folder)
    if args.format == "json":
        print(to_json(found))
    elif found:
        print(table(found, style_of(sys.stdout)))
    else:
        print(f"no runs in {folder}", file=sys.stderr)
    return 0
