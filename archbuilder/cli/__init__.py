"""The command line: one file per command, found by its name and imported only when it is used.

The file of a command has a docstring whose first line is its help, `configure(parser)` and `run(args) -> int`. Exit
status: 0 clean, 1 something found, 2 could not run. `REMARKS = True` means that its output is only progress, so that
losing it (a full disk) is not a failure.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import NoReturn

# pydantic looks for plug-ins of every installed package when it is imported; none is needed here
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from archbuilder.cli import _streams
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.version import __version__

GROUPS = {  # in the order in which people need them
    "start": ("init", "check", "explain", "blocks", "rules"),
    "look": ("summary", "rf", "compare", "page"),
    "train": ("data", "overfit", "lr-find", "train", "search", "sweep"),
    "after training": ("runs", "report", "evaluate", "predict", "quantize", "weights"),
    "exchange": ("import", "export"),
    "edit": ("live", "mcp", "lsp", "schema"),
}
# objects: imports and checks leave no garbage, and collecting it would cost a tenth of their time
COLLECT_AFTER = 100_000
_FILES = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
_COMMANDS = {name.rstrip("_").replace("_", "-"): name for name in _FILES}  # import_.py is `import`


def entry() -> NoReturn:
    """The program `archbuilder`: main, with a quick start and end for commands that need no torch."""
    gc.set_threshold(COLLECT_AFTER)
    _streams.prepare()
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    if "torch" not in sys.modules:
        os._exit(status)  # all files are closed: an orderly shutdown of the interpreter would cost another tenth
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words)
    except ArchbuilderError as error:
        return _told(error)
    except ModuleNotFoundError as error:
        from archbuilder.cli._packages import explain

        if (explained := explain(error, words[0])) is None:
            raise
        return _told(explained)
    except OSError as error:
        print(f"archbuilder: {error}", file=sys.stderr)  # for example a full disk, or a file that cannot be read
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _run(words: Sequence[str]) -> int:
    parser = _parser(words)
    args = parser.parse_args(words)
    if not hasattr(args, "run"):  # no command at all
        parser.print_help()
        return 0
    for file in getattr(args, "blocks", ()):
        from archbuilder.blocks._external import load_file

        load_file(file)
    status: int = args.run(args)
    sys.stdout.flush()
    return max(status, _unwritten(args.remarks))


def _told(error: ArchbuilderError) -> int:
    """Print the diagnostics of an error; returns the exit status."""
    from archbuilder.reporting.diagnostic import render_diagnostic
    from archbuilder.reporting.style import style_of
    from archbuilder.reporting.width import wrapped

    style = style_of(sys.stderr)
    for diagnostic in error.diagnostics:
        print(wrapped(render_diagnostic(diagnostic, style=style), style.width), file=sys.stderr)
    return error.exit_status


def _unwritten(remarks: bool) -> int:
    """The exit status if standard output could not be written."""
    if (error := _streams.unwritten()) is None:
        return 0
    print(f"archbuilder: {error}", file=sys.stderr)
    return 0 if remarks else 2


def _parser(words: Sequence[str]) -> ArgumentParser:
    """A parser that knows the command which `words` name, or every command's name."""
    parser = _Program(prog="archbuilder", description="Small convolutional networks as checked YAML files.")
    parser.add_argument("--version", action="version", version=f"archbuilder {__version__}")
    commands = parser.add_subparsers(prog=parser.prog, metavar="COMMAND", parser_class=ArgumentParser)
    used = next((word for word in words if not word.startswith("-")), "")
    for word in [used] if used in _COMMANDS else _COMMANDS:
        command = commands.add_parser(word, description=_manual(_COMMANDS[word]))
        if word == used:
            module = import_module(f"{__name__}.{_COMMANDS[word]}")
            module.configure(command)
            command.set_defaults(run=module.run, remarks=getattr(module, "REMARKS", False))
    return parser


class _Program(ArgumentParser):
    """The program's own help: its commands in groups, a line each."""

    def format_help(self) -> str:
        width = max(map(len, _COMMANDS))
        lines = [self.format_usage().replace("usage: ", "", 1).strip(), "", self.description or ""]
        for title, commands in GROUPS.items():
            lines += ["", f"{title}:"]
            lines += [f"  {word:{width}}  {_first_line(word)}" for word in commands]
        lines += ["", "archbuilder COMMAND --help explains a command."]
        return "usage: " + "\n".join(lines) + "\n"


def _first_line(word: str) -> str:
    return _manual(_COMMANDS[word]).partition("\n")[0].rstrip(".")


def _manual(name: str) -> str:
    """The docstring of a command's file, read without importing it."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    found = re.match(r'"""(.*?)"""', source, re.DOTALL)
    return found[1].strip() if found else ""
