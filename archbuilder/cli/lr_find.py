"""Find a learning rate by a range test.

It trains a new network for a few steps, writes a plot and suggests a learning rate.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from archbuilder.cli._options import (
    add_machine_options,
    add_source_argument,
    add_source_options,
    positive,
    training_options,
)
from archbuilder.cli._output import write_file
from archbuilder.diagnostics import declare

UNWRITABLE = declare(
    "AB911",
    "a plot that cannot be written",
    exit_status=2,
    why="The folder is missing, read-only or full. An older file of that name is unchanged.",
    bad="$ archbuilder lr-find net.yaml --plot no/where.png",
    good="$ archbuilder lr-find net.yaml --plot rates.png",
)


def configure(parser: ArgumentParser) -> None:
    add_source_argument(parser)
    add_source_options(parser)
    parser.add_argument(
        "--low", metavar="X", type=_factor, default=1e-4, help="start at X times the rate of the file (default: 1e-4)"
    )
    parser.add_argument(
        "--high", metavar="X", type=_factor, default=100.0, help="end at X times the rate of the file (default: 100)"
    )
    parser.add_argument(
        "--steps", metavar="N", type=positive, default=200, help="largest number of steps (default: 200)"
    )
    parser.add_argument("--plot", metavar="PNG", help="file for the plot (default: NAME-lr.png in the current folder)")
    add_machine_options(parser)


def run(args: Namespace) -> int:
    """Exit 0 found, 1 the loss falls nowhere or the file is invalid, 2 could not run."""
    from archbuilder.run import plan
    from archbuilder.run.options import Options
    from archbuilder.training.probes import IN_FLOAT
    from archbuilder.training.probes.lr_find import drawing, range_test

    options = Options.of(**training_options(args))
    made = plan.new(args.file, args.set, ".", options, check=False)
    if made.train.quantize:
        print(IN_FLOAT)
    found = range_test(made, args.low, args.high, args.steps)
    path = args.plot or f"{found.name}-lr.png"
    write_file(path, drawing(found), UNWRITABLE, "name another file with --plot")
    steps, end = len(found.rates), f"diverged at {found.diverged:.2g}" if found.diverged else "to the end of the range"
    print(f"{found.name}: {steps} steps of {found.images} images, from lr {found.rates[0]:.2g}, {end}")
    print(f"the smoothed loss falls fastest at {found.steepest:.2g} and is lowest at {found.least:.2g}")
    print(f"suggestion: lr: {found.suggestion:g}; the file has {found.current:g}")
    print(f"plot: {path}")
    return 0


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ArgumentTypeError(f"{text!r} is not a number over 0")
    return value
