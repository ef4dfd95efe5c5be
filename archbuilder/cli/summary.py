"""Show the built network as torchinfo or torchsummary does.

It is printed beside archbuilder's own totals, with the reason if the two differ.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from archbuilder.cli._analysed import analysed
from archbuilder.cli._options import add_source_argument, add_source_options


def configure(parser: ArgumentParser) -> None:
    add_source_argument(parser)
    parser.add_argument("--style", choices=("torchinfo", "torchsummary"), default="torchinfo", help="whose table")
    add_source_options(parser)


def run(args: Namespace) -> int:
    """Exit 0, even if a limit is missed: the table then helps to find out why."""
    facts = analysed(args.file, args.set).facts
    assert facts is not None
    if args.style == "torchsummary":
        from archbuilder.modules.torchsummary import torchsummary

        print(torchsummary(facts.graph, facts))
    else:
        from archbuilder.modules.summary import summary
        from archbuilder.reporting.width import width_of

        print(summary(facts.graph, facts, width_of(sys.stdout)))
    return 0
