"""Serve a coding agent: check, suggest, apply, compare, explain, draw.

It uses the Model Context Protocol over standard input and output; an agent starts it. It reads YAML files below the
folder, and writes a file only when the agent applies a suggestion to it.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli._options import add_blocks_option
from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.document.text import MISSING


def configure(parser: ArgumentParser) -> None:
    help = "the folder whose files the agent may use (default: the current one)"
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".", help=help)
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Runs until the agent is gone."""
    from archbuilder.live.agents import serve

    folder = Path(args.folder)
    if not folder.is_dir():
        raise ArchbuilderError(MISSING.at(Span(args.folder), "there is no such folder", "check the path"))
    os.chdir(folder)  # paths of the agent are relative to it
    serve(Path.cwd())
    return 0
