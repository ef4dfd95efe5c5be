"""Print a JSON Schema of the language, by which editors complete, explain and check YAML files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli._options import add_blocks_option


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", type=Path, help="write it to a file instead")
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0; 2 where the file cannot be written."""
    from archbuilder.blocks import BLOCKS
    from archbuilder.blocks._external import load_all_installed
    from archbuilder.reporting import jsonschema

    load_all_installed()
    text = jsonschema.render(BLOCKS.names())
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0
