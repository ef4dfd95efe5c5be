"""Write a first architecture within a budget and a rule pack.

The file is commented YAML. On a terminal, init asks for missing options; otherwise they have defaults.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from archbuilder.cli._ask import ask, can_ask
from archbuilder.cli._output import print_data
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.starter import Start, answers, start
from archbuilder.starter.answers import Wish

EXISTS = declare(
    "AB922",
    "a file that already exists or cannot be written",
    exit_status=2,
    why="An existing file is overwritten only with `--force`.",
    bad="$ archbuilder init net.yaml --rules mcu --params 20k --input 3x32x32 --classes 10 --name net",
    good="$ archbuilder init net.yaml --rules mcu --params 20k --input 3x32x32 --classes 10 --name net --force",
)

T = TypeVar("T")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="the file to write, - to print it (default: NAME.yaml)")
    help = "a rule pack to satisfy: a name or a file; may be given several times"
    parser.add_argument("--rules", metavar="PACK", type=_flag(answers.packs), action="append", help=help)
    parser.add_argument("--params", metavar="N", type=_flag(answers.params), help="upper bound on the parameters: 100k")
    parser.add_argument("--classes", metavar="N", type=_flag(answers.classes), help="number of classes")
    parser.add_argument(
        "--input", metavar="CxHxW", type=_flag(answers.image), help="channels x height x width: 3x32x32"
    )
    parser.add_argument(
        "--name", metavar="NAME", type=_flag(answers.name), help="name of the network (default: that of FILE)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file")


def run(args: Namespace) -> int:
    """Exit 0 written, 1 no such network is possible, 2 the file already exists or cannot be written."""
    if args.file not in (None, "-"):
        _refuse(Path(args.file), args.force)  # before any question
    wish, file = _wish(args)
    found = start(wish)
    if file is None:
        print_data(found.text)
        return 0
    _write(file, found.text, args.force)
    print(_told(found, file))
    return 0


def _flag(read: Callable[[str], T]) -> Callable[[str], T]:
    def convert(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return convert


def _wish(args: Namespace) -> tuple[Wish, Path | None]:
    """The requirements from options, then answers, then defaults; and the file, None for standard output."""
    question = ask if can_ask() else _default
    packs = answers.joined(args.rules) if args.rules else question(_PACKS, "none", answers.packs)
    shape, count = packs.image  # those of the packs, unless the user chooses others
    name = args.name or question("Name", answers.name_of(args.file), answers.name)
    shape = args.input or question("Input, channels x height x width", "x".join(map(str, shape)), answers.image)
    count = args.classes or question("Classes", str(count), answers.classes)
    limit = args.params or question("Parameters, fewer than", packs.params, answers.params)
    file = None if args.file == "-" else Path(args.file or f"{name}.yaml")
    rules = tuple(answers.beside(text, file or Path("-")) for text in packs.texts)
    return Wish(name, shape, count, limit, packs.texts, rules), file


_PACKS = f"Rule pack ({answers.choices()})"


def _default(question: str, default: str, read: Callable[[str], T]) -> T:
    return read(default)


def _refuse(file: Path, force: bool) -> None:
    """Raises ArchbuilderError AB922 if a file would be overwritten."""
    if file.exists() and not force:
        raise ArchbuilderError(EXISTS.at(Span(str(file)), "the file already exists", "use --force to overwrite it"))


def _write(file: Path, text: str, force: bool) -> None:
    _refuse(file, force)
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ArchbuilderError(
            EXISTS.at(Span(str(file)), f"cannot be written: {error.strerror}", "check the path")
        ) from None


def _told(found: Start, file: Path) -> str:
    """A summary of the file, and the next commands."""
    facts = found.report.facts
    assert facts
    numbers = f"{facts.params:,} parameters, {facts.macs:,} MACs, receptive field {min(facts.field.size)}"
    rules = f", {len(found.report.rules)} rules satisfied" if found.report.rules else ""
    train = f"\narchbuilder train {file}" if found.report.spec and found.report.spec.data else ""
    return f"{file}: {numbers}{rules}\n\narchbuilder check {file}{train}"
