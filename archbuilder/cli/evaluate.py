"""Evaluate a trained network on all test images, class by class."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.cli._options import add_blocks_option, add_machine_options, add_trained_argument
from archbuilder.cli._output import print_text


def configure(parser: ArgumentParser) -> None:
    add_trained_argument(parser)
    parser.add_argument(
        "--dataset", metavar="NAME", help="evaluate on the test images of another data set that fits the network"
    )
    parser.add_argument(
        "--tta", action="store_true", help="also report the accuracy averaged over each image and its mirror image"
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
    """Exit 0 evaluated, 1 a problem of the run or the data, 2 no trained network."""
    from archbuilder.reporting.json import dumps
    from archbuilder.trained.evaluation import assess, text, to_dict
    from archbuilder.trained.shipped import open_trained
    from archbuilder.training.learning import device

    opened, place = open_trained(args.trained, args.data_dir), device.pick(args.device)
    with device.settings(place, args.threads):
        found = assess(opened, place, args.dataset, args.tta, args.weights)
    if args.format == "json":
        print(dumps(to_dict(opened, found)))
    else:
        print_text("\n".join(text(opened, found)))
    return 0
