"""Write a page with the analyser inside: one HTML file, no server.

The page checks what you type with the same code as `archbuilder check`, in the browser. Parts that do not come with
archbuilder, such as Python for the browser, are downloaded once by npm and pip.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli._output import same_file, write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare

ARGUMENTS = declare(
    "AB961",
    "arguments of page that do not go together",
    exit_status=2,
    why="A link must begin with an address that browsers can open, and a page must not overwrite its own input.",
    bad="$ archbuilder page net.yaml --out net.html --base-url my.page",
    good="$ archbuilder check net.yaml",
)
UNWRITABLE = declare(
    "AB962",
    "a page that cannot be written",
    exit_status=2,
    why="The folder is missing, read-only or full. An older file of that name is unchanged.",
    bad="$ archbuilder page net.yaml --out no/where.html",
    good="$ archbuilder check net.yaml",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="an architecture, with or without errors; - for standard input"
    )
    parser.add_argument("--out", metavar="PAGE", help="the HTML file to write (default: the name of FILE with .html)")
    parser.add_argument(
        "--base-url", metavar="URL", default="", help="the address of the published page: copied links begin with it"
    )
    parser.add_argument(
        "--parts", metavar="DIR", type=Path, help="take the parts from this folder and download nothing"
    )


def run(args: Namespace) -> int:
    """Exit 0 written, 2 could not run; the page itself shows problems of the network."""
    from archbuilder.live.bytecode import node
    from archbuilder.live.page import page
    from archbuilder.live.page_parts import fetched
    from archbuilder.pipeline import check
    from archbuilder.rules.packs.page_link import is_page
    from archbuilder.sources import is_run, open_source

    if args.base_url and not is_page(args.base_url):
        raise ArchbuilderError(
            ARGUMENTS.at(Span("--base-url"), f"{args.base_url} is not an address of a page", "write https://...")
        )
    if args.file and is_run(args.file):
        hint = f"name its network: {Path(args.file) / 'architecture.yaml'}"
        raise ArchbuilderError(ARGUMENTS.at(Span("FILE"), f"{args.file} is a run, not a file", hint))
    report = None
    text = _first()
    if args.file:
        opened = open_source(args.file)
        text = opened.text
        report = check(args.file) if args.file != "-" else None
    out = args.out or f"{Path(args.file).stem if args.file and args.file != '-' else 'archbuilder'}.html"
    if args.file and same_file(out, args.file):
        raise ArchbuilderError(
            ARGUMENTS.at(Span("--out"), f"{out} is the file that the page is made from", "name another file")
        )
    if not Path(out).absolute().parent.is_dir():
        raise ArchbuilderError(UNWRITABLE.at(Span(out), "there is no such folder", "make it, or name another file"))
    data = page(report, text, fetched(args.parts), args.base_url).encode()
    write_file(out, data, UNWRITABLE, "name another file with --out")
    print(f"{out}: {len(data) / 1e6:.1f} MB, opens in a browser, needs no network")
    if node() is None:
        print("Without node its Python is not compiled: the page takes twice as long to open")
    return 0


def _first() -> str:
    """The initial text of a page without a file: what `archbuilder init` would write."""
    from archbuilder.starter import start
    from archbuilder.starter.answers import CLASSES, INPUT, PARAMS, Wish, params

    return start(Wish("net", INPUT, CLASSES, params(PARAMS))).text
