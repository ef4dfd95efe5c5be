"""Train a network into a run folder; --resume goes on with it.

Ctrl-C and SIGTERM keep it to the very batch.

Started by `torchrun --nproc-per-node N -m archbuilder train ...` it is one run of N processes.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from archbuilder.cli._options import add_source_options, add_training_options, positive, training_options

REMARKS = True  # a log on a full disk does not make less of the run


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="a YAML file, or - for standard input; without it that of --init"
    )
    add_source_options(parser)
    parser.add_argument("--out", metavar="DIR", default="runs", help="the run goes to DIR/NAME/TIME (default: runs)")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run folder, from its newest checkpoint")
    several = parser.add_mutually_exclusive_group()
    several.add_argument("--repeat", metavar="N", type=positive, help="one run for each of N seeds: mean and spread")
    several.add_argument("--until", metavar="EPOCH", type=positive, help="pause after that epoch; --resume goes on")
    add_training_options(parser)
    parser.add_argument("--no-check", action="store_true", help="train in spite of missed limits and rules")


def run(args: Namespace) -> int:
    """Exit 0 trained to the end, 1 wrong content or a failed run, 2 could not start, 130 on Ctrl-C, 143 on SIGTERM."""
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
        file = given.get("init")  # a run's own network and recipe, from its own weights
    try:
        if args.repeat or (args.resume and is_repeated(Path(args.resume))):
            repeat(file, args.repeat, **given)
        else:
            train(file, until=args.until, **given)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return stop.status
    return 0
