"""Show the built network as torchinfo's or torchsummary's table beside archbuilder's own totals."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.pipeline import analyse_file


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a YAML file, or - for standard input")
    parser.add_argument("--style", choices=("torchinfo", "torchsummary"), default="torchinfo", help="whose table")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="override a field")


def run(args: Namespace) -> int:
    """Exit 0, also where a limit is missed: the table then helps to find out why."""
    graph, facts = analyse_file(args.file, args.set)
    if args.style == "torchsummary":
        from archbuilder.modules.torchsummary import torchsummary

        print(torchsummary(graph, facts))
    else:
        from archbuilder.modules.summary import summary

        print(summary(graph, facts))
    return 0
