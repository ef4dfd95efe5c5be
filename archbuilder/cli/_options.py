"""Options that several commands have."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any, Literal, get_args, get_origin


def add_source_options(parser: ArgumentParser) -> None:
    """How a YAML file is read: `args.set`, a list of overrides; `args.blocks`, files that main loads."""
    help = "override a field of the file: train.epochs=3"
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=help)
    add_blocks_option(parser)


def add_source_argument(parser: ArgumentParser) -> None:
    """`args.file`: what is opened by `sources.open_source`."""
    parser.add_argument("file", metavar="FILE", help="a YAML file, a run, or - for standard input")


def add_blocks_option(parser: ArgumentParser) -> None:
    """`args.blocks`: files with custom blocks, which main loads before the command runs."""
    help = "a Python file that defines a custom block; its code is run"
    parser.add_argument("--blocks", metavar="FILE", action="append", default=[], help=help)


def add_training_options(parser: ArgumentParser, *names: str) -> None:
    """The fields of `archbuilder.Options`, or some of them by name: `args.device`, `args.threads` ..."""
    from archbuilder.run.options import Options, flags, typed

    for name in names or Options.model_fields:
        field = Options.model_fields[name]
        kind, *_ = get_args(field.annotation) or (field.annotation,)
        words: dict[str, Any] = {"default": field.default, "metavar": typed(name).metavar, "help": field.description}
        if kind is bool and field.default:
            words = {"action": "store_false", "help": f"do not {field.description}"}
        elif kind is bool:
            words = {"action": "store_true", "help": field.description}
        elif get_origin(field.annotation) is tuple:
            words |= {"action": "append", "default": []}
        elif get_origin(field.annotation) is Literal:
            words |= {"choices": get_args(field.annotation)}
        else:
            words |= {"type": {int: positive, float: _minutes}.get(kind)}
        parser.add_argument(*flags(name), dest=name, **words)


def add_machine_options(parser: ArgumentParser) -> None:
    """The options for device and threads."""
    add_training_options(parser, "device", "threads", "data_dir")


def training_options(args: Namespace) -> dict[str, Any]:
    """The training options that a command has, as keywords for `archbuilder.train` or `Options.of`."""
    from archbuilder.run.options import Options

    return {name: value for name, value in vars(args).items() if name in Options.model_fields}


def add_trained_argument(parser: ArgumentParser) -> None:
    """`args.trained`: what `open_trained` opens."""
    help = "a run folder, a .safetensors file made by `archbuilder weights`, or a name that it lists"
    parser.add_argument("trained", metavar="RUN", help=help)


def positive(text: str) -> int:
    """A whole number over 0, for `type=`."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes < float("inf"):
        raise ArgumentTypeError(f"{text!r} is not a number of minutes")
    return minutes
