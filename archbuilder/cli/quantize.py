"""Quantise a trained network to int8, and measure the loss of accuracy.

Weights get one scale per channel, maps one scale each, computed from training images. int8.safetensors is written into
the run, for `export --to tflite`; accuracies are measured on all test images. If too much is lost, continue training
with the rounding: train --init RUN --set train.quantize=int8.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder.cli._options import add_blocks_option, add_trained_argument, add_training_options, positive
from archbuilder.cli._output import print_text, warn, write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare

NO_PLACE = declare(
    "AB885",
    "an int8 network that cannot be saved",
    exit_status=2,
    why=(
        "int8.safetensors is written into the run that it is made from. A network from a single file has no run "
        "folder, so `--out` must say where to write it."
    ),
    bad="$ archbuilder quantize tiny",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder quantize runs/net/*""",
)


def configure(parser: ArgumentParser) -> None:
    add_trained_argument(parser)
    help = "number of training images for measuring the ranges (default: 512)"
    parser.add_argument("--images", metavar="N", type=positive, default=512, help=help)
    parser.add_argument("--out", metavar="FILE", help="file to write (default: int8.safetensors in the run)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")
    add_training_options(parser, "threads", "data_dir")
    add_blocks_option(parser)


def run(args: Namespace) -> int:
    """Exit 0 written, 1 a problem of the network or the data, 2 no trained network, or no place for the file."""
    from archbuilder.quantized import int8_file
    from archbuilder.reporting.json import dumps
    from archbuilder.trained.open import Run
    from archbuilder.trained.quantization import in_int8, text
    from archbuilder.trained.shipped import open_trained
    from archbuilder.training.learning import device

    opened = open_trained(args.trained, args.data_dir)
    if args.out is None and not isinstance(opened, Run):
        hint = f"choose a file: --out {opened.name}-{int8_file.FILE}"
        raise ArchbuilderError(NO_PLACE.at(Span("--out"), f"{args.trained} is not a run folder", hint))
    with device.settings(device.pick("cpu"), args.threads):
        found = in_int8(opened, args.images)
    warn(found.doubts)
    out = args.out or str(Path(opened.path) / int8_file.FILE)
    write_file(out, int8_file.pack(found.model), NO_PLACE, "name another file with --out")
    if args.format == "json":
        print(dumps({"version": 1, "file": out, **found.to_dict()}))
    else:
        print_text("\n".join([*text(found, opened.name), f"written     {out}"]))
    return 0
