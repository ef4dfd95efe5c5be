"""List the trained networks of archbuilder, or pack a finished run."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli._options import add_blocks_option
from archbuilder.cli._output import warn
from archbuilder.diagnostics import ArchbuilderError, Span, declare

ARGUMENTS = declare(
    "AB946",
    "options of weights that do nothing",
    exit_status=2,
    why=(
        "Some options apply to the list of networks, the others to packing a run. An option that would have no effect "
        "is refused."
    ),
    bad="$ archbuilder weights --out shelf",
    good="$ archbuilder weights --format json",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", nargs="?", help="a finished run (default: list the trained networks)")
    parser.add_argument("--out", metavar="DIR", help="folder for its two files (default: the current one)")
    parser.add_argument("--data-dir", metavar="DIR", help="where prepared data sets are kept")
    parser.add_argument(
        "--format", choices=("text", "json"), help="format of the list: text for people, json for programs"
    )
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0 listed or written, 1 not finished or not writable, 2 not a run, or options without effect."""
    _check(args)
    return _list(args.format) if args.folder is None else _pack(args.folder, args.data_dir, Path(args.out or "."))


def _check(args: Namespace) -> None:
    """Raises ArchbuilderError AB946 for an option without effect."""
    if args.folder is None:
        idle = {"--out": args.out, "--data-dir": args.data_dir, "--blocks": args.blocks}
        message, hint = "this option needs a run, and none is given", "name a finished run"
    else:
        idle = {"--format": args.format}
        message, hint = (
            "this option is for the list, not for a run",
            "remove it: the facts of a run are written to NAME.json",
        )
    for option, value in idle.items():
        if value:
            raise ArchbuilderError(ARGUMENTS.at(Span(option), message, hint))


def _list(form: str | None) -> int:
    from archbuilder.reporting.json import dumps
    from archbuilder.trained.shipped import listing, table

    found = listing()
    if form == "json":
        print(dumps({"version": 1, "networks": found}))
    elif found:
        print("\n".join(table(found)))
    else:
        print("no trained networks come with this version", file=sys.stderr)
    return 0


def _pack(folder: str, data_dir: str | None, out: Path) -> int:
    from archbuilder.reporting.memory import size_of
    from archbuilder.trained.open import doubts, open_run
    from archbuilder.trained.pack import pack

    run = open_run(folder, data_dir)
    warn(doubts(run))
    path = pack(run, out)
    print(f"{path}: {size_of(path.stat().st_size)}; its facts are in {path.with_suffix('.json').name}")
    return 0
