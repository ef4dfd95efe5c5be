"""Options that several commands have."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError


def add_source_options(parser: ArgumentParser) -> None:
    """How a YAML file is read: `args.set`, a list of overrides; `args.blocks`, files that main loads."""
    help = "override a field: train.epochs=3"
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=help)
    add_blocks_option(parser)


def add_source_argument(parser: ArgumentParser) -> None:
    """`args.file`: what is opened by `sources.open_source`."""
    parser.add_argument("file", metavar="FILE", help="a YAML file, a run, or - for standard input")


def add_blocks_option(parser: ArgumentParser) -> None:
    """`args.blocks`: files with blocks of the user's own, which main loads before the command runs."""
    help = "a Python file with a block of your own; its code is run"
    parser.add_argument("--blocks", metavar="FILE", action="append", default=[], help=help)


def add_machine_options(parser: ArgumentParser) -> None:
    """Where a command computes: `args.device`, `args.threads`, `args.data_dir`."""
    devices = ("auto", "cpu", "cuda", "mps")
    parser.add_argument("--device", choices=devices, default="auto", help="auto: a GPU where there is one")
    parser.add_argument("--threads", metavar="N", type=positive, help="CPU threads (default: as many as torch takes)")
    parser.add_argument("--data-dir", metavar="DIR", help="where prepared data sets are kept")


def add_trained_argument(parser: ArgumentParser) -> None:
    """`args.trained`: what `open_trained` opens."""
    help = "a run folder, a .safetensors of `archbuilder weights`, or a name that it lists"
    parser.add_argument("trained", metavar="RUN", help=help)


def positive(text: str) -> int:
    """A whole number over 0, for `type=`."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)
