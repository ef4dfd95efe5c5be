"""Kill training processes (SIGKILL) at random moments; every run must resume and end like one that was not killed.

    python -m tests.training.kill --times 25
    python -m tests.training.kill --times 25 --processes 2

Every other run writes a checkpoint after every batch, and is killed as soon as one is being written.
The processes are forked from this one, which has imported torch but never computed with it: so a kill
costs a second, not the import.  Exit status 0 if all ends are bit-equal.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from archbuilder.cli import main
from tests.training.same import end

# what a run imports late is imported here once, so that the processes need not
MODULES = "albumentations archbuilder.training.session matplotlib.backends.backend_agg torch._dynamo"
SEVERAL = "archbuilder.training.several"

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


class Crew:
    """The processes of one run, started as torchrun starts them, their output thrown away."""

    def __init__(self, count: int, *arguments: str) -> None:
        port = free_port()
        self.processes = [start(rank, count, port, ["train", *arguments]) for rank in range(count)]

    def running(self) -> bool:
        return not any(os.waitid(os.P_PID, p, os.WEXITED | os.WNOHANG | os.WNOWAIT) for p in self.processes)

    def kill(self, victim: int) -> bool:
        """Kill one of them, and a moment later the rest, as torchrun does; was there anything left to kill?"""
        os.kill(self.processes[victim], signal.SIGKILL)
        time.sleep(0.05 * (len(self.processes) > 1))
        for process in self.processes:
            os.kill(process, signal.SIGKILL)
        return -signal.SIGKILL in self.statuses()

    def statuses(self) -> list[int]:
        """Of all, once they have ended."""
        return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in self.processes]


def start(rank: int, count: int, port: int, words: list[str]) -> int:
    process = os.fork()
    if process:
        return process
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if count > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        os.environ |= {"LOCAL_WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    try:
        status = main(words)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 98
    except BaseException:
        status = 99
    os._exit(status)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def begin(folder: Path, count: int, minutes: float) -> tuple[Crew, Path]:
    """A new run's processes and its folder, as soon as that is there."""
    (folder / "killed.yaml").write_text(NETWORK)
    options = ["--out", str(folder), "--device", "cpu", "--threads", "1", "--no-report", "--minutes", str(minutes)]
    crew = Crew(count, str(folder / "killed.yaml"), *options)
    while not (runs := [path for path in folder.glob("killed/*") if path.name[0] != "."]):
        if not crew.running():
            raise SystemExit(f"the processes ended without making a run folder: {crew.statuses()}")
        time.sleep(0.001)
    return crew, runs[0]


def describe(run: Path) -> str:
    """Where the kill has struck."""
    found = []
    for name in ("last.pt", "midway.pt"):
        if (run / name).exists():
            state = torch.load(run / name, weights_only=True)
            found.append(f"{name} of epoch {state['epoch']} + {state['batch']} batches")
    writing = ", ".join(path.name for path in run.glob("*.tmp")) or "nothing"
    return f"{', '.join(found) or 'no checkpoint'}, {writing} half written"


def wait_for_writing(run: Path, crew: Crew) -> None:
    while crew.running() and not any(entry.name.endswith(".tmp") for entry in os.scandir(run)):
        pass


def check(folder: Path, moment: float, victim: int, count: int, writing: bool, expected: list[Any]) -> bool:
    """Kill one run so many seconds after its folder appeared, resume it, compare its end.

    writing: wait for the moment in which a file is half written.
    """
    crew, run = begin(folder, count, 0 if writing else 10)
    time.sleep(moment)
    if writing:
        wait_for_writing(run, crew)
    killed = crew.kill(victim)
    struck = describe(run)
    statuses = Crew(count, "--resume", str(run)).statuses()
    equal = not any(statuses) and end(run) == expected
    how = "killed" if killed else "finished before the kill"
    print(f"{how} after {moment:.3f} s: {struck}; resumed {statuses}: {'equal' if equal else 'DIFFERENT'}", flush=True)
    return equal


def run(times: int, count: int, seed: int) -> int:
    chance = random.Random(seed)
    for module in MODULES.split() + [SEVERAL] * (count > 1):
        import_module(module)
    with tempfile.TemporaryDirectory() as name:
        crew, whole = begin(Path(name), count, 10)
        began = time.perf_counter()
        assert not any(crew.statuses())
        life = time.perf_counter() - began
        expected = end(whole)
        print(f"seed {seed}: an uninterrupted run lives {life:.2f} s after its folder is there", flush=True)
        equal = 0
        for number in range(times):
            folder = Path(name, str(number))
            folder.mkdir()
            moment, victim = chance.uniform(0, life), chance.randrange(count)
            equal += check(folder, moment, victim, count, number % 2 == 1, expected)
    print(f"{equal} of {times} killed runs ended like the uninterrupted one")
    return 0 if equal == times else 1


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how many runs to kill")
    parser.add_argument("--processes", type=int, default=1, help="of each run")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: another one each time")
    options = parser.parse_args()
    chosen = random.randrange(10**6) if options.seed is None else options.seed
    sys.exit(run(options.times, options.processes, chosen))
