"""End training processes at random moments; every run must resume and end like one that was not ended.

    python -m tests.training.kill --times 25
    python -m tests.training.kill --times 25 --processes 2

By turns they are killed (SIGKILL), interrupted (SIGINT, which is Ctrl-C) and terminated (SIGTERM); at any moment, as
soon as a file is being written, or in the middle of an evaluation; with and without `accumulate`, where the batches of
an epoch are not so many whole steps of the optimizer.  What was asked to end must have kept the very batch.
Exit status 0 if all ends are bit-equal.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from dataclasses import dataclass, replace
from itertools import cycle, islice, product
from pathlib import Path
from signal import Signals
from typing import Any

import numpy as np
import torch

from archbuilder.data.digits import load
from tests.programs import Program, crew, until
from tests.training.same import end

NETWORK = """\
archbuilder: 1
name: killed
input: [1, 8, 8]
classes: 10
defaults: {{dropout: 0.1}}
network: [conv: {{out: 6}}, depthwise_separable: {{out: 12}}, strided: {{out: 12}}, gap, classifier]
data: {{dataset: "{images}", batch_size: 256, augment: [{{random_crop: {{padding: 1}}}}]}}
train: {{epochs: 6, ema: {{decay: 0.9}}, accumulate: {accumulate}}}
"""
BATCHES = 6  # of an epoch: 1,442 of the digits are for training
STATUS = {Signals.SIGKILL: -9, Signals.SIGINT: 130, Signals.SIGTERM: 143}
PLACES = ("any moment", "writing", "evaluation")
# a kill that strikes while a file is written is the hardest, so it comes more than once in a round
TURNS = [*product(STATUS, PLACES), (Signals.SIGKILL, "writing")]


@dataclass(frozen=True)
class Turn:
    """How one run is ended.

    moment: seconds after its folder appeared.
    victim: the process that a kill strikes first.
    """

    number: Signals
    place: str
    moment: float
    victim: int
    accumulate: int


def images(folder: Path) -> Path:
    """The digits, with each test image so often that an epoch's evaluation takes longer than its training."""
    path = folder / "images.npz"
    if not path.exists():
        digits = load((1, 8, 8))
        test = (np.repeat(part, 40, axis=0) for part in (digits.test.images, digits.test.labels))
        arrays = dict(zip(("x_test", "y_test"), test, strict=True))
        np.savez(path, x_train=digits.train.images, y_train=digits.train.labels, **arrays)
    return path


def begin(folder: Path, count: int, accumulate: int, minutes: int) -> tuple[list[Program], Path]:
    """A new run's processes and its folder, as soon as that is there."""
    text = NETWORK.format(images=images(folder.parent), accumulate=accumulate)
    (folder / "killed.yaml").write_text(text)
    options = ["--out", ".", "--device", "cpu", "--threads", "1", "--no-report", "--minutes", str(minutes)]
    options += ["--data-dir", str(folder.parent)]
    processes = crew(count, folder, "train", "killed.yaml", *options)
    until(lambda: runs(folder), processes)
    return processes, runs(folder)[0]


def runs(folder: Path) -> list[Path]:
    return [path for path in folder.glob("killed/*") if path.name[0] != "."]


def statuses(processes: list[Program]) -> list[int]:
    return [process.wait()[0] for process in processes]


def strike(processes: list[Program], turn: Turn) -> list[int]:
    """Kill one of them, and a moment later the rest, as torchrun does; or send all of them the signal."""
    if turn.number is Signals.SIGKILL:
        processes[turn.victim].process.kill()
        time.sleep(0.05 * (len(processes) > 1))
    for each in processes:
        if each.process.is_alive():
            os.kill(each.pid, turn.number)
    return statuses(processes)


def wait_for(place: str, run: Path, processes: list[Program]) -> None:
    while place != "any moment" and all(each.process.is_alive() for each in processes):
        if place == "writing" and any(entry.name.endswith(".tmp") for entry in os.scandir(run)):
            return
        if place == "evaluation" and batches(run) == BATCHES:
            return


def batches(run: Path) -> int:
    """The saved values of the current epoch."""
    try:
        return int(torch.load(run / "midway.pt", weights_only=True)["batch"])
    except FileNotFoundError:
        return 0


def describe(run: Path) -> str:
    """The place at which the run was killed."""
    found = []
    for name in ("last.pt", "midway.pt"):
        if (run / name).exists():
            state = torch.load(run / name, weights_only=True)
            found.append(f"{name} of epoch {state['epoch']} + {state['batch']} batches")
    writing = ", ".join(path.name for path in run.glob("*.tmp")) or "nothing"
    return f"{', '.join(found) or 'no checkpoint'}, {writing} half written"


def check(folder: Path, turn: Turn, count: int, expected: list[Any]) -> bool:
    """End one run, resume it, compare its end."""
    folder.mkdir()
    # where somebody waits for a file, or for the last batch of an epoch, a checkpoint is written after every batch
    processes, run = begin(folder, count, turn.accumulate, 10 if turn.place == "any moment" else 0)
    time.sleep(turn.moment)
    wait_for(turn.place, run, processes)
    ended = strike(processes, turn)
    if (run / "weights.safetensors").exists():  # it was finished before: a busy machine is not even
        return check(folder.with_name(f"{folder.name}x"), replace(turn, moment=turn.moment / 2), count, expected)
    struck, asked = describe(run), turn.number is not Signals.SIGKILL
    well = STATUS[turn.number] in ended and (not asked or (len(set(ended)) == 1 and batches(run) > 0))
    found = statuses(crew(count, folder, "train", "--resume", str(run)))
    equal = well and not any(found) and end(run) == expected
    how = f"{turn.number.name} after {turn.moment:.3f} s ({turn.place}, accumulate {turn.accumulate}) {ended}"
    print(f"{how}: {struck}; resumed {found}: {'equal' if equal else 'DIFFERENT'}", flush=True)
    return equal


def whole(folder: Path, count: int, accumulate: int) -> tuple[list[Any], float]:
    """The end of a run that nobody ends, and how long it lives after its folder is there."""
    folder.mkdir()
    processes, run = begin(folder, count, accumulate, 10)
    began = time.perf_counter()
    assert not any(statuses(processes))
    return end(run), time.perf_counter() - began


def run(times: int, count: int, seed: int) -> int:
    chance = random.Random(seed)
    turns = [*islice(cycle(chance.sample(TURNS, len(TURNS))), times)]
    steps = [1 if number % 2 else 4 for number in range(times)]
    with tempfile.TemporaryDirectory() as name:
        expected = {each: whole(Path(name, f"whole-{each}"), count, each) for each in dict.fromkeys(steps)}
        life = min(life for _, life in expected.values())
        print(f"seed {seed}: an uninterrupted run lives {life:.2f} s after its folder is there", flush=True)
        equal = 0
        for position, ((number, place), accumulate) in enumerate(zip(turns, steps, strict=True)):
            moment = chance.uniform(0, life if place == "any moment" else life / 2)
            turn = Turn(number, place, moment, 0 if place == "writing" else chance.randrange(count), accumulate)
            equal += check(Path(name, str(position)), turn, count, expected[accumulate][0])
    print(f"{equal} of {times} ended runs of {count} came out like the uninterrupted one", flush=True)
    return 0 if equal == times else 1


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how many runs to end")
    parser.add_argument("--processes", type=int, nargs="+", default=[1], help="of each run")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: another one each time")
    options = parser.parse_args()
    chosen = random.randrange(10**6) if options.seed is None else options.seed
    sys.exit(max(run(options.times, count, chosen) for count in options.processes))
