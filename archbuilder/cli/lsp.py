"""Serve an editor: findings, numbers, completion, quick fixes."""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser, Namespace

from archbuilder.cli._options import add_blocks_option
from archbuilder.diagnostics import ArchbuilderError, Span, declare

NO_SERVER = declare(
    "AB931",
    "the packages of the language server are missing",
    exit_status=2,
    why="An editor communicates with archbuilder by a protocol whose packages are not part of the base installation.",
    bad="$ archbuilder lsp  # without archbuilder[lsp]",
    good="$ archbuilder check net.yaml",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stdio", action="store_true", help="communicate over standard input and output (always the case)"
    )
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Run until the editor ends the session."""
    try:
        from archbuilder.lsp.server import create
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        message = f"the language server needs {error.name}"
        raise ArchbuilderError(
            NO_SERVER.at(Span("archbuilder lsp"), message, "pip install 'archbuilder[lsp]'")
        ) from None
    # output of custom blocks must not mix with the protocol; keep a reference to the stream, or it would be closed
    answers, sys.stdout = sys.stdout, sys.stderr
    said = sys.stdin.buffer if sys.stdin else io.BytesIO()  # closed: the editor is gone
    create().start_io(said, answers.buffer)
    return 0
