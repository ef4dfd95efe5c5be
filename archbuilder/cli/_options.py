"""Options that several commands have."""

from __future__ import annotations

from argparse import ArgumentParser


def add_source_options(parser: ArgumentParser) -> None:
    """How a YAML file is read: `args.set`, a list of overrides; `args.blocks`, files that main loads."""
    help = "override a field: train.epochs=3"
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=help)
    add_blocks_option(parser)


def add_blocks_option(parser: ArgumentParser) -> None:
    """`args.blocks`: files with blocks of the user's own, which main loads before the command runs."""
    help = "a Python file with a block of your own; its code is run"
    parser.add_argument("--blocks", metavar="FILE", action="append", default=[], help=help)
