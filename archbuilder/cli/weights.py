"""List the trained networks that come with archbuilder, or make such files of a finished run."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli._options import add_blocks_option


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", nargs="?", help="a finished run (default: list what there is)")
    parser.add_argument("--out", metavar="DIR", default=".", help="where its files go (default: here)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the list")
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0 listed or written, 1 not finished or not writable, 2 no run."""
    return _list(args.format) if args.folder is None else _pack(args.folder, Path(args.out))


def _list(form: str) -> int:
    from archbuilder.training.shipped import listing, table

    found = listing()
    if form == "json":
        print(json.dumps({"version": 1, "networks": found}, indent=2, allow_nan=False))
    elif found:
        print("\n".join(table(found)))
    else:
        print("no trained networks come with this version", file=sys.stderr)
    return 0


def _pack(folder: str, out: Path) -> int:
    from archbuilder.reporting.memory import size_of
    from archbuilder.training.packing import pack
    from archbuilder.training.runs import open_run

    path = pack(open_run(folder), out)
    print(f"{path}: {size_of(path.stat().st_size)}; its facts are in {path.with_suffix('.json').name}")
    return 0
