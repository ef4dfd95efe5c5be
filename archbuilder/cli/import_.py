"""Turn a PyTorch model into an architecture file, and prove that it is the same network.

archbuilder import model.py:Net --input 3x32x32 --out net.yaml
archbuilder import model.py:Net --input 3x32x32 --arg dropout=0.1 --arg width=32

Importing runs your own code: the file that you name, and what it imports. Nothing else is imported.
Without --out the file goes to standard output, and the report to standard error.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING

from archbuilder.cli._output import print_data, same_file, write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare

if TYPE_CHECKING:
    from archbuilder.importers import Imported

UNWRITABLE = declare(
    "AB810",
    "an imported file that cannot be written",
    exit_status=2,
    why="The folder is missing, closed or full. Nothing was written.",
    bad="""\
$ cat > model.py <<'END'
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
$ archbuilder import model.py:Net --input 3x32x32 --out no/where.yaml""",
    good="""\
$ cat > model.py <<'END'
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
END
$ archbuilder import model.py:Net --input 3x32x32 --out imported.yaml""",
)


def configure(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument(
        "target", metavar="FILE:CLASS", help="a Python file and a class, function or module in it; it is run"
    )
    parser.add_argument(
        "--input", metavar="CxHxW", required=True, help="channels, height and width of an image: 3x32x32"
    )
    parser.add_argument(
        "--arg", metavar="NAME=VALUE", action="append", default=[], help="an argument for CLASS, in YAML"
    )
    parser.add_argument("--out", metavar="FILE", help="where the architecture goes")


def run(args: Namespace) -> int:
    """Exit 0 proven to be the same network, 1 not, 2 could not run."""
    from archbuilder.importers.arguments import read_arguments, read_input, read_target

    shape, arguments = read_input(args.input), read_arguments(args.arg)
    file, name = read_target(args.target)
    if args.out and same_file(args.out, file):
        message = "the YAML would take the place of the file that is imported"
        raise ArchbuilderError(UNWRITABLE.at(Span(args.out), message, "name another file with --out"))

    from archbuilder.importers.conversion import convert
    from archbuilder.importers.source import load

    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    module, source = load(file, name, arguments), f"{file.name}, {name}({given})"
    imported = convert(module, shape, name=name, source=source, file=str(args.out or f"{name}.yaml"))
    _write(imported, args.out)
    return max((d.exit_status for d in imported.diagnostics), default=0)


def _write(imported: Imported, out: str | None) -> None:
    from archbuilder.importers.report import render_import
    from archbuilder.reporting.style import style_of

    if out is None:
        print_data(imported.text)
    else:
        write_file(out, imported.text.encode(), UNWRITABLE, "choose another place with --out")
    stream = sys.stdout if out else sys.stderr
    print(render_import(imported, style_of(stream)), file=stream)
