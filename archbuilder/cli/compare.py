"""Compare networks, block by block where there are two.

The exit status is 0 also where a limit is missed: the table says so.  To hold networks to their limits is what `check`
is for.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from archbuilder.cli._analysed import analysed, cells_of_run
from archbuilder.cli._options import add_source_options


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("first", metavar="FILE", help="a YAML file, a run, or - for standard input")
    parser.add_argument("others", metavar="FILE", nargs="+", help="more of them; the changes are shown for two files")
    parser.add_argument("--rules", metavar="PACK", action="append", default=[], help="a rule pack to hold against all")
    help = "text for people, json for programs; csv and markdown have a row for each network"
    parser.add_argument("--format", choices=("text", "json", "csv", "markdown"), default="text", help=help)
    add_source_options(parser)


def run(args: Namespace) -> int:
    """Exit 0, also where limits are missed: the table says so; 1 a file cannot be analysed, 2 or read."""
    from archbuilder.reporting import compare, style
    from archbuilder.reporting.width import wrapped

    reports = [analysed(name, args.set, args.rules) for name in (args.first, *args.others)]
    if args.format == "json":
        print(compare.to_json(reports))
    elif args.format == "csv":
        print(compare.to_csv(reports, cells_of_run))
    elif args.format == "markdown":
        print(compare.to_markdown(reports, cells_of_run))
    else:
        screen = style.style_of(sys.stdout)
        print(wrapped(compare.render(reports, screen, cells_of_run), screen.width))
    return 0
