"""Random networks against torch, as many as wanted: `python -m tests.fuzz --graphs 20000 --seed 1`.

Each network is written as YAML, checked, built, and held against the oracles of tests/ir/oracle.py:
shapes, parameters, buffers, MACs and receptive fields.  Exit status 1 if anything disagrees.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import torch

import archbuilder
from tests.ir.choices import Seeded
from tests.ir.networks import Writer
from tests.ir.oracle import disagreements

# what a random network may be refused for: sizes that do not meet; any other code is a disagreement
REFUSALS = {"AB203", "AB207", "AB301", "AB302", "AB305", "AB306", "AB309", "AB310"}


def examine(text: str) -> tuple[list[str], list[str]]:
    """(codes it was refused with, disagreements) of one network."""
    report = archbuilder.check(text)
    if not report.ok or report.graph is None:
        codes = sorted({d.code.id for d in report.diagnostics if d.severity == "error"})
        return codes, [str(d) for d in report.diagnostics if d.severity == "error" and d.code.id not in REFUSALS]
    try:
        return [], disagreements(report.graph, report.facts)
    except Exception as error:  # whatever torch makes of a network that archbuilder passed
        return [], [f"{type(error).__name__}: {error}"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--graphs", type=int, default=1000, metavar="N", help="number of networks")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same networks")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)  # the networks are small
    start, refused, wrong = time.perf_counter(), Counter[str](), 0
    for number in range(args.graphs):
        text = Writer(Seeded(f"{args.seed}:{number}")).network()
        codes, found = examine(text)
        refused[" ".join(codes)] += 1
        if found:
            wrong += 1
            print(f"# network {number} of seed {args.seed}", text, *found, sep="\n")
    checked = refused.pop("", 0)
    seconds = time.perf_counter() - start
    causes = ", ".join(f"{count} {codes}" for codes, count in refused.most_common())
    print(f"{args.graphs} networks in {seconds:.0f} s: {checked} held against torch")
    print(f"refused, and left out: {args.graphs - checked}" + (f" ({causes})" if causes else ""))
    print(f"disagreements: {wrong}")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
