"""What is claimed about search: how fast candidates are judged, what it finds, and whether chance would find it too.

    python benchmarks/search.py judge [FILE] [--seconds 3]
    python benchmarks/search.py versus [FILE] [--minutes 15] [--seeds 3] [--images 10000]
    python benchmarks/search.py find [FILE] [--hours 3]

`judge` compares with a whole check and a forward pass on torch's meta device that counts MACs, in one process on one
core, in turns, so that a machine whose speed drifts treats all alike; figures are the medians of the turns.  FILE needs
no space there: the choices below are for architectures/c1c2c3c40.yaml.

`versus` gives the proposals of TPE with rungs, random ones with rungs, and random ones that are each trained to their
end the same minutes, on so many training images of CIFAR-10 (a fifth of them for validation), and prints the best
validation accuracy of each seed.

`find` searches benchmarks/search_tiny.yaml; what it finds is to be trained with other seeds:
archbuilder train SEARCH/winner.yaml --repeat 3 --set data.validation=0.

Both go on where they were interrupted when they are called again with the same options; --minutes and --hours are of
all sittings together.
"""

import argparse
import csv
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

ROOT = Path(__file__).parent.parent
C1C2C3C40 = ROOT / "architectures" / "c1c2c3c40.yaml"
TINY = ROOT / "benchmarks" / "search_tiny.yaml"
SPACE = """\
space:
  vars.width: {from: 12, to: 28, step: 2}
  network.C1.blocks.0.kernel: [3, 5]
  network.C1.blocks.0.out: {from: 8, to: 40, step: 4}
  network.C2.blocks.0.blocks.1.dilation: [2, 3, 4]
  network.C2.blocks.1.out: {from: 24, to: 80, step: 8}
  network.C3.blocks.0.blocks.0.times: {from: 1, to: 3}
  network.C3.blocks.1.out: {from: 48, to: 128, step: 8}
  network.C4.blocks.0:
    - skip: {blocks: [{depthwise_separable: {out: 8 * width}}]}
    - depthwise_separable: {out: 8 * width}
    - [{conv: {out: 4 * width}}, {conv: {out: 4 * width}}]
  train.optimizer.sgd.lr: {from: 0.02, to: 0.4, log: true}
"""
TURNS = 7
EPOCHS = 18  # of a candidate of `versus`
ACCURACY = ["--minimise", "none"]


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

    seen = set()

    def a_new_one() -> None:
        while (picks := draw(judge.space, random)) in seen:
            pass
        seen.add(picks)
        judge(picks)

    ways: dict[str, Callable[[], object]] = {
        "judge, a new candidate each": a_new_one,
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


def versus(file: Path, minutes: float, seeds: int, images: int, out: Path, data_dir: str | None) -> None:
    """The same minutes for proposals and for chance: the best validation accuracy of each."""
    ways = {
        "tpe, rungs": ["--sampler", "tpe"],
        "random, rungs": ["--sampler", "random"],
        "random, to the end": ["--sampler", "random", "--at", "1000000"],
    }
    part = ["--set", f"data.subset={images}", "--set", "data.validation=0.2", "--set", f"train.epochs={EPOCHS}"]
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    for seed in range(seeds):
        for name, words in ways.items():  # in turns: a machine that slows down treats all alike
            here = out / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"
            folder = search(here, [str(file), *words, *part, "--seed", str(seed), *ACCURACY], 60 * minutes, data_dir)
            found[name].append(best_of(folder))
            print(f"seed {seed}, {name}: {shown(*found[name][-1])}", flush=True)
    print(f"\n{'best validation accuracy':24} {'median':>8}  each")
    for name, bests in found.items():
        median = statistics.median(accuracy for accuracy, _ in bests)
        print(f"{name:24} {median:8.2f}  {', '.join(shown(*best) for best in bests)}")


def find(file: Path, hours: float, out: Path, data_dir: str | None) -> None:
    folder = search(out, [str(file), *ACCURACY, "--rungs", "complete", "--at", "4,12,40"], 3600 * hours, data_dir)
    print(f"best: {shown(*best_of(folder))}, {folder / 'winner.yaml'}")


def search(out: Path, words: list[str], seconds: float, data_dir: str | None) -> Path:
    """The folder of a search below `out`, which takes so many seconds in all, in as many sittings as it is cut into."""
    out.mkdir(parents=True, exist_ok=True)
    log = out / "seconds.txt"
    before = float(log.read_text()) if log.is_file() else 0.0
    if before < seconds:
        words = ["--resume", str(folder)] if (folder := searched(out)) else [*words, "--out", str(out)]
        words += ["--for", f"{max(seconds - before, 0.001):.3f}s", *(["--data-dir", data_dir] if data_dir else [])]
        start = time.monotonic()
        with subprocess.Popen([sys.executable, "-m", "archbuilder", "search", *words]) as process:
            try:
                while process.poll() is None:
                    time.sleep(1)
                    log.write_text(f"{before + time.monotonic() - start:.1f}\n")
            except KeyboardInterrupt:  # the search has heard it, too
                process.wait()
        if process.returncode:
            raise SystemExit(process.returncode)
    folder = searched(out)
    assert folder is not None
    return folder


def searched(out: Path) -> Path | None:
    """The search that was begun below a folder."""
    return next((path.parent for path in out.glob("*/[!.]*/search.json")), None)


def shown(accuracy: float, epochs: int) -> str:
    return f"{accuracy:.2f} % ({epochs} epochs)"


def best_of(folder: Path) -> tuple[float, int]:
    """The accuracy of the best candidate that came furthest, and how many epochs that is."""
    with (folder / "table.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["accuracy"]]
    if not rows:
        return math.nan, 0  # nothing came to its first rung
    furthest = max(int(row["epochs"]) for row in rows)
    return max(float(row["accuracy"]) for row in rows if int(row["epochs"]) == furthest), furthest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    judge = commands.add_parser("judge", help="candidates a second and core")
    judge.add_argument("file", metavar="FILE", nargs="?", type=Path, default=C1C2C3C40)
    judge.add_argument("--seconds", type=float, default=3.0, help="of each way")
    judge.set_defaults(run=lambda args: judging(args.file, args.seconds))
    chance = commands.add_parser("versus", help="against random search in equal minutes")
    chance.add_argument("file", metavar="FILE", nargs="?", type=Path, default=TINY)
    chance.add_argument("--minutes", type=float, default=15.0, help="of each search")
    chance.add_argument("--seeds", type=int, default=3)
    chance.add_argument("--images", type=int, default=10_000, help="of CIFAR-10 that are trained on")
    chance.set_defaults(
        run=lambda a: versus(a.file, a.minutes, a.seeds, a.images, a.out / "versus", a.data_dir),
    )
    found = commands.add_parser("find", help="the best network under tiny.yaml's limits")
    found.add_argument("file", metavar="FILE", nargs="?", type=Path, default=TINY)
    found.add_argument("--hours", type=float, default=3.0, help="of search in all")
    found.set_defaults(run=lambda a: find(a.file, a.hours, a.out / "find", a.data_dir))
    for command in (chance, found):
        command.add_argument("--out", metavar="DIR", type=Path, default=Path("searches"))
        command.add_argument("--data-dir", metavar="DIR")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
