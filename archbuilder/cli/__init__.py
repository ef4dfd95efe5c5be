"""The command line: one file per command, found by its name and imported only when it is used.

A command's file has a docstring whose first line is its help, `configure(parser)` and
`run(args) -> int`.  Exit status: 0 clean, 1 something found, 2 could not run.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import NoReturn

# pydantic looks for plug-ins of every installed package when it is imported; none is wanted here
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.reporting.style import READABLE, encoding_of
from archbuilder.version import __version__


def entry() -> NoReturn:
    """The program `archbuilder`: main, with a quick start and end for commands that need no torch."""
    gc.set_threshold(100_000)  # importing makes no garbage: collecting in between costs a tenth of a check
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding_of(stream), errors=READABLE)
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    if "torch" not in sys.modules:
        os._exit(status)  # nothing is open any more: taking the interpreter apart would cost another tenth
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        args = _parser(words).parse_args(words)
        for file in getattr(args, "blocks", ()):
            from archbuilder.blocks._external import load_file

            load_file(file)
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except ArchbuilderError as error:
        from archbuilder.reporting.diagnostic import render_diagnostic
        from archbuilder.reporting.style import style_of

        for diagnostic in error.diagnostics:
            print(render_diagnostic(diagnostic, style=style_of(sys.stderr)), file=sys.stderr)
        return error.exit_status
    except OSError as error:
        return _failed(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _failed(error: OSError) -> int:
    """The exit status after an error that no command expected, or after one of standard output itself."""
    try:
        sys.stdout.flush()
        gone = isinstance(error, BrokenPipeError) and _nobody_reads()
    except OSError as own:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be written cannot be
        gone, error = isinstance(own, BrokenPipeError), own
    if gone:  # | head: nothing is wrong
        return 0
    with suppress(OSError):
        print(f"archbuilder: {error}", file=sys.stderr)  # a full disk, a file that is not to be had
    return 2


def _nobody_reads() -> bool:
    """Whether the other end of standard output is closed; what was to be written is lost by then."""
    import select

    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _parser(words: Sequence[str]) -> ArgumentParser:
    """A parser that knows the command which `words` name, or every command."""
    parser = ArgumentParser(prog="archbuilder", description="Small convolutional networks as checked YAML files.")
    parser.add_argument("--version", action="version", version=f"archbuilder {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    files = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    commands_by_word = {name.rstrip("_").replace("_", "-"): name for name in files}  # import_.py is `import`
    used = words[0] if words else ""
    for word in [used] if used in commands_by_word else commands_by_word:
        module = import_module(f"{__name__}.{commands_by_word[word]}")
        doc = module.__doc__ or ""
        command = commands.add_parser(word, help=doc.splitlines()[0].rstrip("."), description=doc)
        module.configure(command)
        command.set_defaults(run=module.run)
    return parser
