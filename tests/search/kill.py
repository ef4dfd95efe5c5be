"""A search that is killed again and again ends with the table of one that is not.

    python -m tests.search.kill --times 20 [--seed 0] [--workers 2]

Whole programs are killed with SIGKILL at random moments: while they ask, train, tell or write.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from difflib import unified_diff
from pathlib import Path
from random import Random

TEXT = """\
archbuilder: 1
name: killed
input: [1, 8, 8]
classes: 10
limits: {params: "< 3k"}
vars: {width: 6}
network: [{conv: {out: width, name: first}}, {strided: {out: 2 * width}}, gap, classifier]
data: {dataset: digits, batch_size: 64, engine: tensor}
train: {epochs: 9}
space:
  vars.width: {from: 4, to: 12}
  network.first.kernel: [3, 5]
  train.optimizer.sgd.lr: {from: 0.01, to: 0.5, log: true}
"""
OPTIONS = ["--trials", "18", "--generation", "6", "--seed", "3"]


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "archbuilder", "search", *map(str, words)]


def told(folder: Path) -> list[object]:
    """What Optuna's journal says of each candidate, in order."""
    from archbuilder.search.sampling import ASKED, STUDY, _study

    trials = (trial for trial in _study(folder / STUDY, 2).trials if ASKED in trial.user_attrs)
    return [(trial.params, trial.values, trial.constraints) for trial in trials]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--longest", type=float, default=12.0, help="seconds until a kill, at most")
    args = parser.parse_args()
    random = Random(args.seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = folder / "killed.yaml"
        file.write_text(TEXT)
        begin = [file, *OPTIONS, "--workers", args.workers]
        subprocess.run(command(*begin, "--out", folder / "whole"), check=True, stdout=subprocess.DEVNULL)
        (whole,) = folder.glob("whole/*/[!.]*")
        kills = 0
        while True:
            started = next(iter(folder.glob("killed/*/[!.]*")), None)
            words = (
                ["--resume", started, "--workers", args.workers] if started else [*begin, "--out", folder / "killed"]
            )
            process = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL)
            try:
                status = process.wait(random.uniform(0.5, args.longest) if kills < args.times else None)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                print(f"kill {kills}", flush=True)
                time.sleep(random.uniform(0, 0.5))
                continue
            assert status == 0, f"the search ended with {status}"
            if kills >= args.times:
                break
            for name in ("table.csv", "winner.yaml"):  # it was too quick: take it from the half again
                (started or next(folder.glob("killed/*/[!.]*"))).joinpath(name).unlink()
            again = started or next(folder.glob("killed/*/[!.]*"))
            for trial in sorted(again.glob("trials/*"))[9:]:
                for run in trial.glob("run/*/*"):
                    run.rename(run.with_name(f".gone-{random.random()}"))
        (killed,) = folder.glob("killed/*/[!.]*")
        tables = [(folder / "table.csv").read_text() for folder in (whole, killed)]
        difference = "\n".join(unified_diff(*(table.splitlines() for table in tables), "whole", "killed", n=0))
        assert tables[0] == tables[1], f"another table:\n{difference}"
        assert told(killed) == told(whole), "another study"
        rows = len((whole / "table.csv").read_text().splitlines()) - 1
        settings = json.loads((whole / "search.json").read_text())
        print(f"{kills} kills: the same table of {rows} trials at rungs {settings['rungs']}, the same study")


if __name__ == "__main__":
    main()
