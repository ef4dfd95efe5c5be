"""List the blocks of the language, show a block's manual, or test one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.blocks import BLOCKS, find
from archbuilder.cli._options import add_blocks_option
from archbuilder.cli._output import print_text
from archbuilder.diagnostics import ArchbuilderError, Span, declare, did_you_mean

NO_BLOCK = declare(
    "AB903",
    "an unknown block",
    exit_status=2,
    why="Each block has a manual under its name, and no block has this name.",
    bad="$ archbuilder blocks dilatet",
    good="$ archbuilder blocks dilated",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="a block (default: list all)")
    parser.add_argument("--markdown", action="store_true", help="print the reference of all blocks as Markdown")
    parser.add_argument("--test", action="store_true", help="test whether a block does what every block must do")
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0; 1 if a test fails; 2 if there is no such block."""
    from archbuilder.blocks._external import load_all_installed
    from archbuilder.manual import blocks as manual

    if args.markdown:
        print(manual.markdown(), end="")
        return 0
    if args.name is None:
        load_all_installed()
    if args.name is None and not args.test:
        print_text(manual.index())
        return 0
    chosen = [args.name] if args.name else BLOCKS.names()
    missing = [name for name in chosen if find(name) is None]
    if missing:
        message, hint = f"there is no block {missing[0]}", did_you_mean(missing[0], BLOCKS.names())
        raise ArchbuilderError(NO_BLOCK.at(Span("archbuilder blocks"), message, hint))
    return max(map(_test, chosen)) if args.test else _show(args.name)


def _show(name: str) -> int:
    from archbuilder.manual import blocks as manual

    print_text(manual.text(manual.manual(name)))
    return 0


def _test(name: str) -> int:
    from archbuilder.manual.blocks import manual
    from archbuilder.modules.conformance import failures

    found = list(failures(manual(name)))
    print("\n".join([f"{name}: {'FAILED' if found else 'ok'}", *(f"  {failure}" for failure in found)]))
    return 1 if found else 0
