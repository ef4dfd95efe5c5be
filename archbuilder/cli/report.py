"""Write the report of a run again, or compare several: their results, settings and curves."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli._options import add_blocks_option, add_machine_options


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("folders", metavar="RUN", nargs="+", help="a run folder; several are compared")
    parser.add_argument(
        "--out", metavar="DIR", default=".", help="where a comparison goes (default: here); a report goes into its run"
    )
    parser.add_argument("--readme", metavar="URL", default="", help="the README that you hand in, for the report")
    add_machine_options(parser)
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0 written, 1 something wrong with a run or its data, 2 no run."""
    if len(args.folders) == 1:
        return _report(args)
    from archbuilder.training.evidence.comparison import HTML, text, write_comparison
    from archbuilder.training.folder import RunFolder
    from archbuilder.training.runs import open_run

    out = RunFolder(Path(args.out), published=False)
    found = write_comparison([open_run(folder, args.data_dir) for folder in args.folders], out)
    print(text(found), f"comparison: {out.path / HTML}", sep="\n")
    return 0


def _report(args: Namespace) -> int:
    from archbuilder.training import device
    from archbuilder.training.evidence import REPORT
    from archbuilder.training.evidence.report import write_report
    from archbuilder.training.runs import open_run

    opened, place = open_run(args.folders[0], args.data_dir), device.pick(args.device)
    with device.settings(place, args.threads):
        outcome = write_report(opened, place, args.readme)
    print(f"test accuracy {outcome.accuracy:.2f} % on {outcome.images:,} images; report: {opened.path / REPORT}")
    return 0
