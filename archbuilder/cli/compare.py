"""Compare networks: several, two block by block, or with a revision.

The exit status is 0 even if a limit is missed: the table shows it. Use `check` to enforce limits.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from archbuilder.cli._analysed import analysed, cells_of_run
from archbuilder.cli._options import add_source_options
from archbuilder.cli._remedies import NOT_TOGETHER
from archbuilder.diagnostics import ArchbuilderError, Span, declare

if TYPE_CHECKING:
    from archbuilder.reporting.style import Style

TOO_FEW = declare(
    "AB952",
    "nothing to compare with",
    exit_status=2,
    why="A comparison needs two sides: several files or runs, or a revision of git.",
    bad="$ archbuilder compare net.yaml",
    good="$ archbuilder compare net.yaml net.yaml",
)


def configure(parser: ArgumentParser) -> None:
    help = "a YAML file, a run, or - for standard input; for two, the changes from one to the other are shown"
    parser.add_argument("files", metavar="FILE", nargs="*", help=help)
    help = "compare files and folders (by default the current folder) with their versions at a git revision"
    parser.add_argument("--against", metavar="REF", help=help)
    parser.add_argument(
        "--rules", metavar="PACK", action="append", default=[], help="a rule pack that all networks should satisfy"
    )
    help = "text for people, json for programs; csv and markdown: one row per network"
    parser.add_argument("--format", choices=("text", "json", "csv", "markdown"), default="text", help=help)
    add_source_options(parser)


def run(args: Namespace) -> int:
    """Exit 0, even if limits are missed (the table shows it); 1 a file cannot be analysed; 2 a file cannot be read."""
    from archbuilder.reporting import compare

    if args.against is not None:
        return _against(args)
    if len(args.files) < 2:
        message = "at least two networks are needed, or a revision to compare this folder with"
        raise ArchbuilderError(TOO_FEW.at(Span("archbuilder compare"), message, "name two files, or --against REF"))
    reports = [analysed(name, args.set, args.rules) for name in args.files]
    if args.format == "json":
        print(compare.to_json(reports))
    elif args.format == "csv":
        print(compare.to_csv(reports, cells_of_run))
    elif args.format == "markdown":
        print(compare.to_markdown(reports, cells_of_run))
    else:
        _show(lambda screen: compare.render(reports, screen, cells_of_run))
    return 0


def _against(args: Namespace) -> int:
    from archbuilder import revisions
    from archbuilder.reporting import against

    if args.format == "csv":
        message = "changes since a revision cannot be shown as a table of numbers"
        raise ArchbuilderError(NOT_TOGETHER.at(Span("--format csv"), message, "use text, json or markdown"))
    with revisions.at(args.against, args.rules) as revision:
        found = against.against(revision, args.files, args.set, args.rules)
    if args.format == "text":
        _show(lambda screen: against.render(found, screen))
    else:
        print(against.to_json(found) if args.format == "json" else against.to_markdown(found))
    return found.exit_status


def _show(render: Callable[[Style], str]) -> None:
    """For people, as wide as their screen."""
    from archbuilder.reporting.style import style_of
    from archbuilder.reporting.width import wrapped

    screen = style_of(sys.stdout)
    print(wrapped(render(screen), screen.width))
