"""Print a JSON Schema of the language for editors.

Editors use it to complete, explain and check YAML files.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.cli._options import add_blocks_option
from archbuilder.cli._output import print_data, write_file
from archbuilder.diagnostics import declare

UNWRITABLE = declare(
    "AB932",
    "a JSON Schema that cannot be written",
    exit_status=2,
    why="The folder is missing, read-only or full. An older file of that name is unchanged.",
    bad="$ archbuilder schema --out no/where.json",
    good="$ archbuilder schema --out archbuilder.schema.json",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", help="write it to a file instead")
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0; 2 if the file cannot be written."""
    from archbuilder.blocks import BLOCKS
    from archbuilder.blocks._external import load_all_installed
    from archbuilder.manual import jsonschema

    load_all_installed()
    text = jsonschema.render(BLOCKS.names())
    if args.out:
        write_file(args.out, text.encode(), UNWRITABLE, "name another file with --out")
    else:
        print_data(text)
    return 0
