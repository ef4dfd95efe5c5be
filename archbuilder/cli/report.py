"""Write a run's report again, or compare several runs."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from archbuilder.cli._options import add_blocks_option, add_machine_options
from archbuilder.cli._output import warn
from archbuilder.diagnostics import ArchbuilderError, Span, declare

NO_ADDRESS = declare(
    "AB864",
    "a page that a report cannot link to",
    exit_status=2,
    why="The link would lead nowhere: it must begin with an address that browsers open.",
    bad="$ archbuilder report runs/net --page my.page",
    good="$ archbuilder check net.yaml",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folders", metavar="RUN", nargs="+", help="a run folder, or one of `train --repeat`; several runs are compared"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder for a comparison (default: the current one, or that of a single --repeat)"
    )
    parser.add_argument(
        "--readme", metavar="URL", default="", help="address of the README that you hand in, for the report"
    )
    parser.add_argument(
        "--page",
        metavar="URL",
        default="",
        help="address of a page of `archbuilder page`: the report links to it, with the network in the link",
    )
    add_machine_options(parser)
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0 written, 1 a problem of a run or its data, 2 no run."""
    from archbuilder.rules.packs.page_link import is_page
    from archbuilder.sources import seeds_of
    from archbuilder.training.repeated import is_repeated

    if args.page and not is_page(args.page):
        message = f"{args.page} is not an address of a page"
        raise ArchbuilderError(NO_ADDRESS.at(Span("--page"), message, "write https://..."))
    given = [Path(folder) for folder in args.folders]
    repeated = [folder for folder in given if is_repeated(folder)]
    paths = [path for folder in given for path in (seeds_of(folder) if folder in repeated else [folder])]
    if len(paths) == 1:
        return _report(args, paths[0])
    return _compare(args, paths, args.out or (given[0] if len(given) == len(repeated) == 1 else "."))


def _compare(args: Namespace, paths: Sequence[Path], out: str | Path) -> int:
    from archbuilder.evidence import COMPARISON
    from archbuilder.evidence.comparison import text, write_comparison
    from archbuilder.reporting.style import style_of
    from archbuilder.run.folder import RunFolder, opened
    from archbuilder.trained.open import open_run
    from archbuilder.training.repeated import is_repeated

    folder = RunFolder(Path(out), published=False)
    folder.ready()
    runs = [open_run(path, args.data_dir) for path in paths]
    with opened(folder.path) if is_repeated(folder.path) else nullcontext():
        found = write_comparison(runs, folder)
    print(text(found, style_of(sys.stdout)), f"comparison: {folder.path / COMPARISON}", sep="\n")
    return 0


def _report(args: Namespace, path: Path) -> int:
    from archbuilder.evidence import REPORT
    from archbuilder.evidence.report import write_report
    from archbuilder.run.folder import opened
    from archbuilder.trained.open import doubts, open_run
    from archbuilder.training.learning import device

    run, place = open_run(path, args.data_dir), device.pick(args.device)
    with opened(path), device.settings(place, args.threads):
        outcome = write_report(run, place, args.readme, args.page)
        warn(doubts(run, run.splits))
    print(f"test accuracy {outcome.accuracy:.2f} % on {outcome.images:,} images; report: {run.path / REPORT}")
    return 0
