"""Train a network into a run folder; --resume goes on with it.

Ctrl-C and SIGTERM keep it to the very batch.

Started by `torchrun --nproc-per-node N -m archbuilder train ...` it is one run of N processes.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from archbuilder.cli._options import add_machine_options, add_source_options, positive

REMARKS = True  # a log on a full disk does not make less of the run


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a YAML file, or - for standard input")
    add_source_options(parser)
    parser.add_argument("--out", metavar="DIR", default="runs", help="the run goes to DIR/NAME/TIME (default: runs)")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run folder, from its newest checkpoint")
    parser.add_argument("--repeat", metavar="N", type=positive, help="one run for each of N seeds: mean and spread")
    parser.add_argument("--init", metavar="RUN", help="begin with the weights of another run")
    add_machine_options(parser)
    parser.add_argument("--keep", metavar="K", type=positive, help="checkpoints of epochs that are kept (default: 3)")
    parser.add_argument("--minutes", metavar="M", type=_minutes, help="between checkpoints in an epoch (default: 10)")
    help = "tensorboard, or another tracker of Accelerate (torchrun takes --log for one of its own options)"
    parser.add_argument("--tracker", "--log", metavar="TRACKER", dest="log", action="append", default=[], help=help)
    parser.add_argument(
        "--sync-batch-norm", action="store_true", help="with several GPUs: batch norm sees the images of all of them"
    )
    parser.add_argument("--no-check", action="store_true", help="train in spite of missed limits and rules")
    parser.add_argument("--no-report", action="store_true", help="leave report.html and what goes with it out")


def run(args: Namespace) -> int:
    """Exit 0 trained to the end, 1 wrong content or a failed run, 2 could not start, 130 on Ctrl-C, 143 on SIGTERM."""
    from archbuilder.training import Interrupted, repeat, train
    from archbuilder.training.repeated import is_repeated

    options = {
        "overrides": args.set,
        "out": args.out,
        "device": args.device,
        "threads": args.threads,
        "resume": args.resume,
        "data_dir": args.data_dir,
        "check": not args.no_check,
        "report": not args.no_report,
        "keep": args.keep,
        "minutes": args.minutes,
        "init": args.init,
        "log": args.log,
        "sync_batch_norm": args.sync_batch_norm,
    }
    try:
        if args.repeat or (args.resume and is_repeated(Path(args.resume))):
            repeat(args.file, args.repeat, **options)
        else:
            train(args.file, **options)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return stop.status
    return 0


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes < float("inf"):
        raise ArgumentTypeError(f"{text!r} is not a number of minutes")
    return minutes
