"""Judging a candidate of a search, against a whole check and a forward pass on torch's meta device, in one run.

    python benchmarks/search.py judge [FILE] [--seconds 3]

FILE needs no space: the choices below are for architectures/c1c2c3c40.yaml.  Everything runs in one process on one
core, in turns, so that a machine whose speed drifts treats all alike; figures are the medians of the turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

ROOT = Path(__file__).parent.parent
C1C2C3C40 = ROOT / "architectures" / "c1c2c3c40.yaml"
SPACE = """\
space:
  vars.width: {from: 12, to: 28, step: 2}
  network.C1.blocks.0.kernel: [3, 5]
  network.C2.blocks.0.blocks.1.dilation: [2, 3, 4]
  network.C3.blocks.0.blocks.0.times: {from: 1, to: 3}
  network.C4.blocks.0:
    - skip: {blocks: [{depthwise_separable: {out: 8 * width}}]}
    - depthwise_separable: {out: 8 * width}
    - [{conv: {out: 4 * width}}, {conv: {out: 4 * width}}]
"""
TURNS = 7


def judging(file: Path, seconds: float) -> None:
    """Candidates, checks and forward passes a second and core."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from archbuilder.modules import build
    from archbuilder.pipeline import check_text, load_text
    from archbuilder.search.judge import opened
    from archbuilder.search.survey import draw

    torch.set_num_threads(1)
    plain = file.read_text()
    text = plain if "\nspace:" in plain else plain + SPACE
    judge, random = opened(check_text(text, str(file))), Random(0)
    graph = load_text(plain, str(file))

    def on_meta() -> None:  # what counts MACs: torch's own counter, on a module that is built for it
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            build(graph)(torch.zeros(1, *graph.input[:3]))
            counter.get_total_flops()

    ways: dict[str, Callable[[], object]] = {
        "judge, a new candidate each": lambda: judge(draw(judge.space, random)),
        "check of the file": lambda: check_text(plain, str(file)),
        "build and count on meta": on_meta,
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(TURNS):
        for name, way in ways.items():
            rates[name].append(_rate(way, seconds / TURNS))
    own = statistics.median(rates["judge, a new candidate each"])
    print(f"{file.stem + ', one core':30} {'a second':>9} {'judge is':>9}")
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"{name:30} {rate:9,.1f} {own / rate:8.1f}x")


def _rate(way: Callable[[], object], seconds: float) -> float:
    start, count = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        way()
        count += 1
    return count / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    judge = commands.add_parser("judge", help="candidates a second and core")
    judge.add_argument("file", metavar="FILE", nargs="?", type=Path, default=C1C2C3C40)
    judge.add_argument("--seconds", type=float, default=3.0, help="of each way")
    judge.set_defaults(run=lambda args: judging(args.file, args.seconds))
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
