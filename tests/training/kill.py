"""Kill training processes (SIGKILL) at random moments; every run must resume and end like one that was not killed.

    python -m tests.training.kill --times 25
    python -m tests.training.kill --times 25 --processes 2

Every other run writes a checkpoint after every batch, and is killed as soon as one is being written.
Exit status 0 if all ends are bit-equal.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import torch

from tests.training.programs import Program, crew, until
from tests.training.same import end

NETWORK = """\
archbuilder: 1
name: killed
input: [1, 8, 8]
classes: 10
defaults: {dropout: 0.1}
network: [conv: {out: 6}, depthwise_separable: {out: 12}, strided: {out: 12}, gap, classifier]
data: {dataset: digits, batch_size: 256, augment: [{random_crop: {padding: 1}}]}
train: {epochs: 8, ema: {decay: 0.9}}
"""


def begin(folder: Path, count: int, minutes: int) -> tuple[list[Program], Path]:
    """A new run's processes and its folder, as soon as that is there."""
    (folder / "killed.yaml").write_text(NETWORK)
    options = ["--out", ".", "--device", "cpu", "--threads", "1", "--no-report", "--minutes", str(minutes)]
    processes = crew(count, folder, "train", "killed.yaml", *options)
    until(lambda: runs(folder), processes)
    return processes, runs(folder)[0]


def runs(folder: Path) -> list[Path]:
    return [path for path in folder.glob("killed/*") if path.name[0] != "."]


def statuses(processes: list[Program]) -> list[int]:
    return [process.wait()[0] for process in processes]


def kill(processes: list[Program], victim: int) -> bool:
    """Kill one of them, and a moment later the rest, as torchrun does; was there anything left to kill?"""
    processes[victim].process.kill()
    time.sleep(0.05 * (len(processes) > 1))
    for each in processes:
        each.process.kill()
    return any(status < 0 for status in statuses(processes))


def wait_for_writing(run: Path, processes: list[Program]) -> None:
    while all(each.process.is_alive() for each in processes):
        if any(entry.name.endswith(".tmp") for entry in os.scandir(run)):
            return


def describe(run: Path) -> str:
    """Where the kill has struck."""
    found = []
    for name in ("last.pt", "midway.pt"):
        if (run / name).exists():
            state = torch.load(run / name, weights_only=True)
            found.append(f"{name} of epoch {state['epoch']} + {state['batch']} batches")
    writing = ", ".join(path.name for path in run.glob("*.tmp")) or "nothing"
    return f"{', '.join(found) or 'no checkpoint'}, {writing} half written"


def check(folder: Path, moment: float, victim: int, count: int, writing: bool, expected: list[Any]) -> bool:
    """Kill one run so many seconds after its folder appeared, resume it, compare its end.

    writing: wait for the moment in which a file is half written, and kill the process that writes.
    """
    folder.mkdir()
    processes, run = begin(folder, count, 0 if writing else 10)
    time.sleep(moment)
    if writing:
        wait_for_writing(run, processes)
    if not kill(processes, 0 if writing else victim):  # it was finished before: a busy machine is not even
        return check(folder.with_name(f"{folder.name}x"), moment / 2, victim, count, writing, expected)
    struck = describe(run)
    found = statuses(crew(count, folder, "train", "--resume", str(run)))
    equal = not any(found) and end(run) == expected
    print(f"killed after {moment:.3f} s: {struck}; resumed {found}: {'equal' if equal else 'DIFFERENT'}", flush=True)
    return equal


def run(times: int, count: int, seed: int) -> int:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        processes, whole = begin(Path(name), count, 10)
        began = time.perf_counter()
        assert not any(statuses(processes))
        life = time.perf_counter() - began
        expected = end(whole)
        print(f"seed {seed}: an uninterrupted run lives {life:.2f} s after its folder is there", flush=True)
        equal = 0
        for number in range(times):
            moment, victim = chance.uniform(0, life), chance.randrange(count)
            equal += check(Path(name, str(number)), moment, victim, count, number % 2 == 1, expected)
    print(f"{equal} of {times} killed runs of {count} ended like the uninterrupted one", flush=True)
    return 0 if equal == times else 1


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how many runs to kill")
    parser.add_argument("--processes", type=int, nargs="+", default=[1], help="of each run")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: another one each time")
    options = parser.parse_args()
    chosen = random.randrange(10**6) if options.seed is None else options.seed
    sys.exit(max(run(options.times, count, chosen) for count in options.processes))
