"""Derive the receptive field, as a table or as a drawing.

The derivation goes layer by layer, as assignments ask for it.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.cli._analysed import analysed
from archbuilder.cli._options import add_source_argument, add_source_options
from archbuilder.cli._output import write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare

if TYPE_CHECKING:
    from archbuilder.analysis.facts import Facts
    from archbuilder.exporters.field_plot import Measured

NO_MATPLOTLIB = declare(
    "AB905",
    "a drawing without matplotlib",
    exit_status=2,
    why="The table needs no package; the drawing needs matplotlib, which is not part of the base installation.",
    bad="$ archbuilder rf net.yaml --plot field.png  # without archbuilder[train]",
    good="$ archbuilder rf net.yaml",
)
UNWRITABLE = declare(
    "AB906",
    "a drawing that cannot be written",
    exit_status=2,
    why=(
        "The folder is missing, read-only or full (the table was printed nevertheless), or the file's name does not "
        "end in .png, the only format."
    ),
    bad="$ archbuilder rf net.yaml --plot no/where.png",
    good="$ archbuilder rf net.yaml --plot field.png",
)


def configure(parser: ArgumentParser) -> None:
    add_source_argument(parser)
    formats = ("text", "markdown", "csv", "json")
    parser.add_argument("--format", choices=formats, default="text", help="format of the table (default: text)")
    parser.add_argument(
        "--plot", metavar="PNG", help="draw the field; if torch is installed, also the measured effective field"
    )
    add_source_options(parser)


def run(args: Namespace) -> int:
    """Exit 0, even if a limit is missed: the table then helps to find out why."""
    from archbuilder.reporting.derivation import FORMATS, text
    from archbuilder.reporting.style import style_of

    if args.plot and Path(args.plot).suffix.lower() not in ("", ".png"):
        hint = f"name it {Path(args.plot).with_suffix('.png')}"
        raise ArchbuilderError(
            UNWRITABLE.at(Span("--plot"), f"the drawing is a PNG file, but the name is {args.plot}", hint)
        )
    facts = analysed(args.file, args.set).facts
    assert facts is not None
    if args.format == "text":
        print(text(facts.graph.name, facts, style_of(sys.stdout)))
    else:
        print(FORMATS[args.format](facts.graph.name, facts))
    if args.plot:
        _plot(facts, args.plot)
    return 0


def _plot(facts: Facts, path: str) -> None:
    from archbuilder.exporters.field_plot import draw

    measured = _measure(facts)
    try:
        picture = draw(facts, f"{facts.graph.name}: receptive field", measured)
    except ImportError as error:
        hint = "pip install 'archbuilder[train]'"
        raise ArchbuilderError(NO_MATPLOTLIB.at(Span(path), f"a drawing needs matplotlib: {error}", hint)) from None
    if measured is None:
        print("the effective field is not measured without torch: pip install 'archbuilder[train]'", file=sys.stderr)
    write_file(path, picture, UNWRITABLE, "name another file")
    print(f"drawn: {path}", file=sys.stderr)


def _measure(facts: Facts) -> Measured | None:
    """The measured field of the middle unit, None without torch."""
    try:
        from archbuilder.exporters.field_plot import measured_field

        return measured_field(facts)
    except ImportError:
        return None
