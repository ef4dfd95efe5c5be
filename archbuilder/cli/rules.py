"""List rule packs and kinds of rules, or show one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.cli._output import print_text
from archbuilder.diagnostics import ArchbuilderError, Span, declare, did_you_mean
from archbuilder.rules.packs import kinds
from archbuilder.rules.packs.pack import FOLDER, built_in, shipped

NO_RULE = declare(
    "AB921",
    "an unknown rule or rule pack",
    exit_status=2,
    why=(
        "`archbuilder rules` lists the packs of archbuilder and the kinds of rules; your own pack is given by its file."
    ),
    bad="$ archbuilder rules era-s8",
    good="$ archbuilder rules era-s9",
)


def configure(parser: ArgumentParser) -> None:
    help = "a pack, to print its YAML, or a kind of rule, to print its manual (default: list all)"
    parser.add_argument("name", metavar="NAME", nargs="?", help=help)


def run(args: Namespace) -> int:
    """Exit 0; 2 if there is no such pack or rule."""
    if args.name is None:
        print_text(_index())
    elif args.name in shipped():
        print((FOLDER / f"{args.name}.yaml").read_text(encoding="utf-8"), end="")
    else:
        _show(args.name)
    return 0


def _index() -> str:
    from archbuilder.manual.blocks import first_line

    packs = [(name, built_in(name).title) for name in shipped()]
    rules = [(name, first_line(rule)) for name in kinds.names() if (rule := kinds.find(name))]
    width = max(len(name) for name, _ in [*packs, *rules])
    parts = [("packs", packs), ("rules", rules)]
    return "\n".join(f"{title}:\n" + "\n".join(f"  {n:{width}}  {text}" for n, text in part) for title, part in parts)


def _show(name: str) -> None:
    from archbuilder.manual.blocks import text

    rule = kinds.find(name)
    if rule is None:
        message = f"there is no rule or rule pack {name}"
        hint = did_you_mean(name, [*shipped(), *kinds.names()])
        raise ArchbuilderError(NO_RULE.at(Span("archbuilder rules"), message, hint))
    print_text(text(rule))
