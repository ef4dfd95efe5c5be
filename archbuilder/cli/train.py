"""Train a network into a run folder; --resume continues it.

Ctrl-C and SIGTERM save a checkpoint of the current batch before the command ends.

Started by `torchrun --nproc-per-node N -m archbuilder train ...` it is one run with N processes.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from archbuilder.cli._options import add_source_options, add_training_options, positive, training_options

REMARKS = True  # losing the log does not affect the run


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="a YAML file, or - for standard input (default: the file of --init)"
    )
    add_source_options(parser)
    parser.add_argument("--out", metavar="DIR", default="runs", help="the run goes to DIR/NAME/TIME (default: runs)")
    parser.add_argument("--resume", metavar="RUN", help="continue a run from its newest checkpoint")
    several = parser.add_mutually_exclusive_group()
    several.add_argument(
        "--repeat", metavar="N", type=positive, help="train with N seeds; prints mean and standard deviation"
    )
    several.add_argument("--until", metavar="EPOCH", type=positive, help="pause after this epoch; --resume continues")
    add_training_options(parser)
    parser.add_argument("--no-check", action="store_true", help="train even if limits and rules are missed")


def run(args: Namespace) -> int:
    """Exit 0 trained to the end, 1 invalid content or a failed run, 2 could not start, 130 on Ctrl-C, 143 on
    SIGTERM."""
    from archbuilder.training import Interrupted, repeat, train
    from archbuilder.training.repeated import is_repeated

    given: dict[str, Any] = {
        "overrides": args.set,
        "out": args.out,
        "resume": args.resume,
        "check": not args.no_check,
        **training_options(args),
    }
    file = args.file
    if file is None and not args.resume:
        file = given.get("init")  # the network and recipe of that run, with its weights
    try:
        if args.repeat or (args.resume and is_repeated(Path(args.resume))):
            repeat(file, args.repeat, **given)
        else:
            train(file, until=args.until, **given)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return stop.status
    return 0
