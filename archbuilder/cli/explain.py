"""Explain the code of a finding, or list all codes.

Shows its meaning, why it matters, a bad and a good example.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, known_codes, nearest

NO_CODE = declare(
    "AB904",
    "an unknown code",
    exit_status=2,
    why="A code is AB and three digits, as shown in a diagnostic after its place.",
    bad="$ archbuilder explain AB00l",
    good="$ archbuilder explain AB001",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("codes", metavar="CODE", nargs="*", help="for example AB301 (default: list all codes)")
    parser.add_argument("--markdown", action="store_true", help="print the manual of all codes as Markdown")


def run(args: Namespace) -> int:
    """Exit 0; 2 if there is no such code."""
    from archbuilder.manual import explain
    from archbuilder.reporting.style import style_of

    style = style_of(sys.stdout)
    if args.markdown:
        print(explain.markdown(), end="")
        return 0
    if not args.codes:
        print(explain.index(style))
        return 0
    if missing := [id for id in args.codes if id.upper() not in known_codes(id.upper())]:
        raise ArchbuilderError(*map(_missing, missing))
    print("\n\n\n".join(explain.manual(known_codes(id.upper())[id.upper()], style) for id in args.codes))
    return 0


def _missing(id: str) -> Diagnostic:
    hint = nearest(id.upper(), _alike(id.upper())) or "archbuilder explain lists all codes"
    return NO_CODE.at(Span("archbuilder explain"), f"there is no code {id}", hint)


def _alike(word: str) -> list[str]:
    """The codes with the same beginning: typing mistakes are more likely in the last digits."""
    for length in (4, 3):
        if len(word) >= length and (found := list(known_codes(word[:length]))):
            return found
    return []
