"""Search the networks of a file's `space:` for the best under its limits.

Candidates are judged without building them; those that hold are trained a little, the best of them longer.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.cli._options import add_source_options, positive
from archbuilder.search.survey import SAMPLES


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a YAML file with a space:, or - for standard input")
    add_source_options(parser)
    help = "a rule pack to satisfy, beside those that the file names"
    parser.add_argument("--rules", metavar="PACK", action="append", default=[], help=help)
    parser.add_argument("--dry-run", action="store_true", help="judge a sample of the space and train nothing")
    help = f"candidates of a dry run (default: {SAMPLES:,})"
    parser.add_argument("--samples", metavar="N", type=positive, default=SAMPLES, help=help)
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of what is drawn (default: 0)")


def run(args: Namespace) -> int:
    """Exit 0 done, 1 wrong content or nothing holds, 2 could not start."""
    from archbuilder.pipeline import check
    from archbuilder.search.judge import opened
    from archbuilder.search.survey import lines, survey

    judge = opened(check(args.file, args.set, args.rules), args.rules)
    found = survey(judge, args.samples, args.seed)
    print(*lines(found), sep="\n")
    found.insist(judge.place)
    return 0
