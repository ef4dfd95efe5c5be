"""Predict the classes of image files with a trained network.

Images may have any size and file format.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from archbuilder.cli._options import add_blocks_option, add_machine_options, add_trained_argument, positive
from archbuilder.cli._output import warn
from archbuilder.diagnostics import Diagnostic


def configure(parser: ArgumentParser) -> None:
    add_trained_argument(parser)
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files")
    parser.add_argument(
        "--top", metavar="N", type=positive, default=5, help="number of classes to print per image (default: 5)"
    )
    parser.add_argument(
        "--weights",
        choices=("last", "best"),
        default="last",
        help="weights of the last or of the best epoch (default: last)",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")
    add_machine_options(parser)
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0 all images predicted, 1 some could not be read (the others are predicted), 2 no trained network."""
    from archbuilder.reporting.diagnostic import render_diagnostic
    from archbuilder.reporting.json import dumps
    from archbuilder.reporting.style import style_of
    from archbuilder.trained.open import doubts
    from archbuilder.trained.prediction import answers
    from archbuilder.trained.shipped import open_trained
    from archbuilder.training.learning import device

    opened, status, found = open_trained(args.trained, args.data_dir), 0, []
    place = device.pick(args.device)
    warn(doubts(opened))
    with device.settings(place, args.threads):
        for answer in answers(opened, args.images, place, args.top, args.weights):
            if isinstance(answer, Diagnostic):
                status = 1
                print(render_diagnostic(answer, style=style_of(sys.stderr)), file=sys.stderr)
            elif args.format == "json":
                found.append(asdict(answer))
            else:
                print(_text(answer))
    if args.format == "json":
        print(dumps({"version": 1, "run": args.trained, "answers": found}))
    return status


def _text(answer: object) -> str:
    from archbuilder.reporting.diagnostic import printable
    from archbuilder.trained.prediction import Answer

    assert isinstance(answer, Answer)
    lines = [f"{printable(answer.path)} ({answer.size[0]}x{answer.size[1]})"]
    lines += [f"  {100 * guess.probability:5.1f} %  {printable(guess.name)}" for guess in answer.guesses]
    return "\n".join(lines)
