"""Train a file with every combination of some values.

For example, `--vary vars.width=16,24,32 --vary train.seed=0,1` makes six runs.

A sweep is a grid search without rungs: it has the same folder, table and --resume as a search. Combinations that miss a
limit or a rule are left out. If only the seed varies, nothing is chosen, and the accuracy is that of the test images.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.cli._options import add_source_options, positive
from archbuilder.cli.search import add_run_options, checked, conclude, options_of
from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.document.overrides import OVERRIDE

REMARKS = True  # losing the log does not affect the sweep
SEED = "train.seed"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a YAML file, or - for standard input")
    add_source_options(parser)
    help = "a rule pack to satisfy in addition to those of the file"
    parser.add_argument("--rules", metavar="PACK", action="append", default=[], help=help)
    help = "values of a field, or a range: train.optimizer.sgd.lr=0.1,0.2 or 'vars.width={from: 8, to: 32, step: 8}'"
    parser.add_argument("--vary", metavar="KEY=VALUES", action="append", default=[], help=help)
    help = "run each combination with N seeds, from that of the file on: --vary train.seed=0,1,2"
    parser.add_argument("--repeat", metavar="N", type=positive, help=help)
    add_run_options(parser)


def run(args: Namespace) -> int:
    """Exit 0 done, 1 invalid content or no valid combination, 2 could not start, 130 on Ctrl-C."""
    from archbuilder import search

    if args.resume:
        return conclude(args, lambda means, watch: search.proceed(args.resume, means, watch))
    varied = dict(map(_varied, args.vary))
    if args.repeat:
        spec = checked(args, args.set).spec
        first = spec.train.seed if spec and spec.train else 0
        varied[SEED] = f"[{', '.join(map(str, range(first, first + args.repeat)))}]"
    if not varied:
        hint = "write for example --vary vars.width=16,24,32, or --repeat 3"
        raise ArchbuilderError(OVERRIDE.at(Span("--vary"), "nothing is varied", hint))
    space = ", ".join(f"{path}: {values}" for path, values in varied.items())
    overrides = [*args.set, f"space={{{space}}}"]
    return conclude(
        args,
        lambda means, watch: search.start(
            checked(args, overrides),
            means,
            overrides,
            out=args.out,
            rules=args.rules,
            blocks=args.blocks,
            minimise=[],
            whole=True,
            on_test=[*varied] == [SEED],
            watch=watch,
            options=options_of(args),
        ),
    )


def _varied(text: str) -> tuple[str, str]:
    """The path and the choice of an option.  Raises ArchbuilderError AB901."""
    path, equals, values = text.partition("=")
    if not (equals and path.strip() and values.strip()):
        place = Span(f"--vary {text}")
        raise ArchbuilderError(
            OVERRIDE.at(place, "--vary needs the form key.path=value,value", "write vars.width=16,24")
        )
    values = values.strip()
    return path.strip(), values if values[0] in "[{" else f"[{values}]"
