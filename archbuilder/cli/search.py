"""Search a file's `space:` for the best networks under its limits.

Candidates are judged without building them; valid ones are trained for a few epochs, the best of them longer.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.cli._options import add_source_options, positive
from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.pipeline import Report, check
from archbuilder.reporting.width import width_of
from archbuilder.run.progress import is_terminal
from archbuilder.run.result import typed

if TYPE_CHECKING:
    from archbuilder.search import Means
    from archbuilder.search.course import Course, Progress, Watch

TRIALS = 50  # if no other bound is given
REMARKS = True  # losing the log does not affect the search


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a YAML file with a space:, or - for standard input")
    add_source_options(parser)
    help = "a rule pack to satisfy in addition to those of the file"
    parser.add_argument("--rules", metavar="PACK", action="append", default=[], help=help)
    parser.add_argument("--dry-run", action="store_true", help="judge a sample of the space and train nothing")
    help = "candidates of a dry run (default: 1000)"
    parser.add_argument("--samples", metavar="N", type=positive, default=1_000, help=help)
    parser.add_argument("--seed", metavar="N", type=_seed, default=0, help="seed of the random choices (default: 0)")
    parser.add_argument(
        "--sampler", choices=("tpe", "random"), default="tpe", help="how candidates are proposed (default: tpe)"
    )
    help = "number of candidates that are proposed together (default: 8)"
    parser.add_argument("--generation", metavar="N", type=positive, default=8, help=help)
    help = "a cost to minimise beside the accuracy: params, macs, peak_activations, latency, or none (default: params)"
    parser.add_argument("--minimise", metavar="COST", action="append", help=help)
    help = "paused: one run per candidate, paused at each rung; complete: a separate run per rung (default: paused)"
    parser.add_argument("--rungs", choices=("paused", "complete"), default="paused", help=help)
    help = "rungs: epochs at which candidates are compared (default: a ninth, a third and all of train.epochs)"
    parser.add_argument("--at", metavar="E,E,...", type=_epochs, default=(), help=help)
    help = "the best 1/N of a rung continue to the next (default: 3)"
    parser.add_argument("--factor", metavar="N", type=_factor, default=3, help=help)
    add_run_options(parser)


def add_run_options(parser: ArgumentParser) -> None:
    """The options for bounds, output and workers."""
    parser.add_argument(
        "--trials", metavar="N", type=positive, help="largest number of candidates to train (default: 50)"
    )
    parser.add_argument(
        "--epochs", metavar="N", type=positive, help="propose no more candidates after so many epochs in total"
    )
    parser.add_argument("--for", metavar="TIME", dest="seconds", type=_seconds, help="stop after 90s, 30m or 2h")
    help = "the search goes to DIR/NAME/TIME (default: searches)"
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("searches"), help=help)
    parser.add_argument("--resume", metavar="SEARCH", type=Path, help="continue the search in this folder")
    parser.add_argument(
        "--workers",
        metavar="N",
        type=positive,
        help="number of processes, with one thread each (default: one per core)",
    )
    help = "local processes, or the nodes of a Ray cluster that share DIR"
    parser.add_argument("--executor", choices=("local", "ray"), default="local", help=help)
    parser.add_argument(
        "--address", metavar="HOST:PORT", help="address of the Ray cluster (default: start one on this machine)"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="where prepared data sets are kept")


def run(args: Namespace) -> int:
    """Exit 0 done, 1 invalid content or no valid candidate, 2 could not start, 130 on Ctrl-C."""
    from archbuilder import search
    from archbuilder.search.judge import opened
    from archbuilder.search.survey import lines, survey

    if args.dry_run and not args.resume:
        judge = opened(checked(args, args.set), args.rules)
        found = survey(judge, args.samples, args.seed)
        print(*lines(found), sep="\n")
        found.insist(judge.place)
        return 0
    if args.resume:
        return conclude(args, lambda means, watch: search.proceed(args.resume, means, watch, args.trials, args.epochs))
    if not (args.trials or args.epochs or args.seconds):
        args.trials = TRIALS
    minimise = [] if args.minimise == ["none"] else args.minimise or ["params"]
    return conclude(
        args,
        lambda means, watch: search.start(
            checked(args, args.set),
            means,
            args.set,
            out=args.out,
            rules=args.rules,
            blocks=args.blocks,
            minimise=minimise,
            rungs=args.at,
            complete=args.rungs == "complete",
            watch=watch,
            options=options_of(args),
            sampler=args.sampler,
            seed=args.seed,
            generation=args.generation,
            factor=args.factor,
            trials=args.trials,
            epochs=args.epochs,
        ),
    )


def checked(args: Namespace, overrides: Sequence[str]) -> Report:
    """The check of the file. Raises ArchbuilderError AB710 if none is named."""
    if args.file is None:
        from archbuilder.run.plan import ARGUMENTS

        hint = "name a YAML file, or a search with --resume"
        raise ArchbuilderError(ARGUMENTS.at(Span("archbuilder search"), "there is nothing to search", hint))
    return check(args.file, overrides, args.rules)


def options_of(args: Namespace) -> dict[str, str]:
    """The options for training candidates that are not in their YAML."""
    return {"device": "cpu", **({"data_dir": str(Path(args.data_dir).absolute())} if args.data_dir else {})}


def conclude(args: Namespace, search: Callable[[Means, Watch], Course]) -> int:
    """Run the search and print its result."""
    from archbuilder.search import Means

    means = Means(args.executor, args.workers, args.address, args.seconds)
    line = Line()
    course = search(means, line)
    line.close()
    print(*course.closing(), sep="\n")
    if difference := course.difference():
        print(f"\n{difference}")
    again = typed("search", "--resume", course.folder.path)
    if course.out_of_time:
        print(f"\nthe time is up; continue with: {again}")
    if course.interrupted:
        print(f"interrupted: results so far are kept\ncontinue with: {again}", file=sys.stderr)
    return 130 if course.interrupted else 0


class Line:
    """Prints the progress of a search: one line that is rewritten on a terminal, else one line per generation."""

    def __init__(self) -> None:
        self._shown = 0
        self._said = ""

    def __call__(self, seen: Progress) -> None:
        text = words(seen)
        if is_terminal(sys.stdout):
            text = text[: (width_of(sys.stdout) or 80) - 1]
            sys.stdout.write("\r" + text.ljust(self._shown))
            sys.stdout.flush()
            self._shown = len(text)
        elif not seen.left and text != self._said:  # two workers may finish a generation together
            print(text, flush=True)
            self._said = text

    def close(self) -> None:
        if self._shown:
            print()


def words(seen: Progress) -> str:
    best = f"{seen.best.accuracy:.2f} % (trial {seen.best.number})" if seen.best and seen.best.accuracy else "none yet"
    left = f", {duration(seen.seconds / seen.done * seen.left)} left of it" if seen.done and seen.left else ""
    done = f"generation {seen.generation}: {seen.trained} of {seen.steps} trained"
    return f"{done}, {seen.judged:,} judged, best {best}{left}"


def duration(seconds: float) -> str:
    """90 -> 2 min"""
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def _epochs(text: str) -> tuple[int, ...]:
    return tuple(positive(part) for part in text.split(","))


def _factor(text: str) -> int:
    if (factor := positive(text)) < 2:
        raise ArgumentTypeError("must be at least 2")
    return factor


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h|min)?", text)
    if not found:
        raise ArgumentTypeError(f"{text!r} is not a time such as 90s, 30m or 2h")
    return float(found[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600, None: 1}[found[2]]
