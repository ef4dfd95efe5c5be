"""Train a checked network into a run folder; Ctrl-C keeps it, --resume goes on with it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from archbuilder.cli._options import add_source_options


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a YAML file, or - for standard input")
    add_source_options(parser)
    parser.add_argument("--out", metavar="DIR", default="runs", help="the run goes to DIR/NAME/TIME (default: runs)")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run folder, from its last finished epoch")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="auto: a GPU where there is one"
    )
    parser.add_argument("--threads", metavar="N", type=_positive, help="CPU threads (default: as many as torch takes)")
    parser.add_argument("--data-dir", metavar="DIR", help="where prepared data sets are kept")
    parser.add_argument("--no-check", action="store_true", help="train in spite of missed limits and rules")
    parser.add_argument("--no-report", action="store_true", help="leave report.html and what goes with it out")


def run(args: Namespace) -> int:
    """Exit 0 trained to the end, 1 wrong content or a failed run, 2 could not start, 130 on Ctrl-C."""
    from archbuilder.training import Interrupted, train

    try:
        train(
            args.file,
            overrides=args.set,
            out=args.out,
            device=args.device,
            threads=args.threads,
            resume=args.resume,
            data_dir=args.data_dir,
            check=not args.no_check,
            report=not args.no_report,
        )
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return stop.status
    return 0


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of threads")
    return int(text)
