"""Test whether a network can learn one batch by heart.

If it cannot, there is a mistake that long training would reveal only later.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archbuilder.cli._options import (
    add_machine_options,
    add_source_argument,
    add_source_options,
    positive,
    training_options,
)


def configure(parser: ArgumentParser) -> None:
    add_source_argument(parser)
    add_source_options(parser)
    parser.add_argument(
        "--images", metavar="N", type=positive, default=32, help="number of images in the batch (default: 32)"
    )
    parser.add_argument(
        "--steps", metavar="N", type=positive, default=300, help="largest number of steps (default: 300)"
    )
    add_machine_options(parser)


def run(args: Namespace) -> int:
    """Exit 0 it can, 1 it cannot or the file is invalid, 2 could not run."""
    from archbuilder.run import plan
    from archbuilder.run.options import Options
    from archbuilder.training.probes import IN_FLOAT
    from archbuilder.training.probes.overfit import memorise

    options = Options.of(**training_options(args))
    made = plan.new(args.file, args.set, ".", options, check=False)
    if made.train.quantize:
        print(IN_FLOAT)
    found = memorise(made, _show, args.images, args.steps)
    state = f"accuracy {found.accuracy:.1f} %, loss {found.loss:.4g} after {found.steps} steps"
    if found.ok:
        print(f"ok: {found.images} images are known by heart: {state}")
        return 0
    print(f"NOT ok: {found.images} images are not learnt by heart: {state}\n  {found.reason}")
    return 1


def _show(step: int, loss: float, accuracy: float) -> None:
    """Steps 1, 2, 5, 10, 20, 50 and so on."""
    if str(step).rstrip("0") in ("1", "2", "5"):
        print(f"step {step:>4}  loss {loss:.4g}  accuracy {accuracy:.1f} %", flush=True)
