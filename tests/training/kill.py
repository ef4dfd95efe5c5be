"""Kill training processes (SIGKILL) at random moments; every run must resume and end like one that was not killed.

    python tests/training/kill.py --times 10

The processes are forked from this one, which has imported torch but never computed with it: so a
kill costs a second, not the import.  Exit status 0 if all ends are bit-equal.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from archbuilder.cli import main

# what a run imports late is imported here once, so that the processes need not
for module in ("albumentations", "archbuilder.training.session", "matplotlib.backends.backend_agg", "torch._dynamo"):
    import_module(module)

NETWORK = """\
archbuilder: 1
name: killed
input: [1, 8, 8]
classes: 10
defaults: {dropout: 0.1}
network: [conv: {out: 6}, depthwise_separable: {out: 12}, strided: {out: 12}, gap, classifier]
data: {dataset: digits, batch_size: 256, augment: [{random_crop: {padding: 1}}]}
train: {epochs: 12}
"""


def start(*arguments: str) -> int:
    """The process id of `archbuilder train` with these arguments, its output thrown away."""
    process = os.fork()
    if process == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            status = main(["train", *arguments])
        except BaseException:
            status = 99
        os._exit(status)
    return process


def status_of(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def begin(folder: Path) -> tuple[int, Path]:
    """A new run's process and folder, as soon as that is there."""
    (folder / "killed.yaml").write_text(NETWORK)
    process = start(str(folder / "killed.yaml"), "--out", str(folder), "--device", "cpu", "--threads", "1")
    while not (runs := [path for path in folder.glob("killed/*") if path.name[0] != "."]):
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            raise SystemExit("the process ended without making a run folder")
        time.sleep(0.001)
    return process, runs[0]


def end(run: Path) -> list[Any]:
    """What two equal runs have in common, bit for bit: checkpoints and metrics, without times."""
    found: list[Any] = []
    for name in ("last.pt", "best.pt"):
        state = torch.load(run / name, weights_only=True)
        found += [state["epoch"], *flat(state["model"]), *flat(state["optimizer"]["state"])]
    for line in (run / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        found.append({k: v for k, v in record.items() if k not in ("seconds", "images_per_second")})
    return [*found, sorted(path.name for path in run.iterdir())]


def flat(value: Any) -> Iterator[Any]:
    """Tensors as bytes: equality of tensors would call 0.0 and -0.0 the same."""
    if isinstance(value, dict):
        for key in value:
            yield key
            yield from flat(value[key])
    else:
        yield value.contiguous().numpy().tobytes() if isinstance(value, torch.Tensor) else value


def describe(run: Path) -> str:
    """Where the kill has struck."""
    last = run / "last.pt"
    epoch = torch.load(last, weights_only=True)["epoch"] if last.exists() else 0
    metrics = run / "metrics.jsonl"
    lines = len(metrics.read_text().splitlines()) if metrics.exists() else 0
    writing = ", ".join(path.name for path in run.glob("*.tmp")) or "nothing"
    return f"checkpoint of epoch {epoch}, {lines} lines of metrics, {writing} half written"


def check(folder: Path, moment: float, expected: list[Any]) -> bool:
    """Kill one run so many seconds after its folder appeared, resume it, compare its end."""
    process, run = begin(folder)
    time.sleep(moment)
    os.kill(process, signal.SIGKILL)
    killed = status_of(process) == -signal.SIGKILL
    struck = describe(run)
    resumed = status_of(start("--resume", str(run)))
    equal = resumed == 0 and end(run) == expected
    how = "killed" if killed else "finished before the kill"
    print(f"{how} after {moment:.3f} s: {struck}; resumed with status {resumed}: {'equal' if equal else 'DIFFERENT'}")
    return equal


def run(times: int, seed: int) -> int:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        process, whole = begin(Path(name))
        began = time.perf_counter()
        assert status_of(process) == 0
        life = time.perf_counter() - began
        expected = end(whole)
        print(f"seed {seed}: an uninterrupted run lives {life:.2f} s after its folder is there")
        equal = 0
        for number in range(times):
            folder = Path(name, str(number))
            folder.mkdir()
            equal += check(folder, chance.uniform(0, life), expected)
    print(f"{equal} of {times} killed runs ended like the uninterrupted one")
    return 0 if equal == times else 1


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how many runs to kill")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: another one each time")
    options = parser.parse_args()
    sys.exit(run(options.times, random.randrange(10**6) if options.seed is None else options.seed))
