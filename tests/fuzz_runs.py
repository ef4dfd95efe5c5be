"""Spoil the files of a run, one at a time and in every way; every command must say what is wrong, or do its work.

    python -m tests.fuzz_runs --cases 2000

A case is a file (or a field of a checkpoint, whose checksum is then made to fit), what becomes of it, and a command.
A traceback, a pipe that is waited for, or a run that is lost to `runs` ends it with status 1 and the case.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from archbuilder.cli import main as archbuilder
from archbuilder.modules.weights import digest
from archbuilder.run.checkpoint import FORMAT, KIND
from archbuilder.training import Interrupted, train

NETWORK = """\
archbuilder: 1
name: spoiled
input: [1, 8, 8]
classes: 10
network: [conv: {out: 4}, gap, classifier]
data: {dataset: digits, batch_size: 256, engine: tensor}
train: {epochs: 3, ema: {decay: 0.9}, schedule: {plateau: {patience: 1}}, optimizer: {sgd: {lr: 0.1, momentum: 0.9}}}
"""
ON_CPU = ("--device", "cpu", "--threads", "1")
JSON = ("environment.json", "facts.json", "dataset.json", "metrics.jsonl", "evaluation.json")
OTHER = ("architecture.yaml", "last.pt", "best.pt", "weights.safetensors", "samples.png", "sources/index.json")
SECONDS = 20  # for a command: none of them waits for anything

DEEP: Any = "deep"
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 10**9, 10**30, 1e308, float("nan"), float("inf"), 0.5, "", "x", "a\0b", "\ud800", "../up", [],
    [None], ["x", 1], {}, {"a": {}}, DEEP,
)  # fmt: skip


def finished(folder: Path) -> Path:
    """A finished run with its evaluation."""
    with contextlib.redirect_stdout(io.StringIO()):
        return train(NETWORK, overrides=["train.seed=1"], out=folder, device="cpu", threads=1, report=True).path


def unfinished(folder: Path) -> Path:
    """A run that was stopped after its first epoch."""

    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with contextlib.redirect_stdout(io.StringIO()):
        try:
            train(NETWORK, out=folder, device="cpu", threads=1, report=False, on_epoch=stop)
        except Interrupted as stopped:
            return stopped.path
    raise AssertionError("it was not stopped")


Spoil = Callable[[Path, random.Random], str]


def as_a_whole(path: Path, draw: random.Random) -> str:
    """Something else in the place of a file."""
    content = path.read_bytes() if path.is_file() else b"{}"
    made: dict[str, Callable[[], Any]] = {
        "missing": path.unlink,
        "empty": lambda: path.write_bytes(b""),
        "truncated": lambda: path.write_bytes(content[: draw.randrange(len(content) or 1)]),
        "binary": lambda: path.write_bytes(draw.randbytes(200)),
        "nested": lambda: path.write_text("[" * 50_000),
        "nested a little": lambda: path.write_text('{"a":' * 500 + "1" + "}" * 500),
        "a list": lambda: path.write_text("[1, 2]"),
        "a number": lambda: path.write_text("9" * 5000),
        "a folder": lambda: (path.unlink(), path.mkdir()),
        "a pipe": lambda: (path.unlink(), os.mkfifo(path)),
        "a dangling link": lambda: (path.unlink(), path.symlink_to("nowhere")),
        "a bit": lambda: path.write_bytes(turned(content, draw)),
    }
    name = draw.choice(list(made))
    made[name]()
    return f"{path.name}: {name}"


def turned(content: bytes, draw: random.Random) -> bytes:
    index = draw.randrange(len(content))
    return content[:index] + bytes([content[index] ^ (1 << draw.randrange(8))]) + content[index + 1 :]


def in_a_field(path: Path, draw: random.Random) -> str:
    """Another value somewhere in JSON, or one that is gone."""
    records = [json.loads(line) for line in path.read_text().splitlines()] if path.suffix == ".jsonl" else None
    value = records if records is not None else json.loads(path.read_text())
    said = f"{path.name}: {change(value, draw)}"
    lines = value if records is not None else [value]
    text = "\n".join(json.dumps(line) for line in lines) + "\n"
    path.write_text(text.replace(f'"{DEEP}"', "[" * 900 + "]" * 900))
    return said


def change(value: Any, draw: random.Random) -> str:
    """Change one place of plain data, anywhere; says which and how."""
    holder, key, place = draw.choice(list(places(value)))
    if draw.random() < 0.15:
        del holder[key]
        return f"{place} is gone"
    holder[key] = draw.choice(VALUES)
    return f"{place} is {holder[key]!r}"


def places(value: Any, name: str = "") -> Iterator[tuple[Any, Any, str]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key, f"{name}.{key}"
        yield from places(value[key], f"{name}.{key}")


def in_a_checkpoint(path: Path, draw: random.Random) -> str:
    """Another value somewhere in a checkpoint, with a checksum that fits."""
    state = torch.load(path, weights_only=True)
    for key in ("kind", "format", "sha256"):
        del state[key]
    holder, key, place = draw.choice([found for found in places(state) if not found[2].startswith(".yaml.")])
    huge = torch.zeros(1).expand(10**11)
    new: Any = draw.choice([*VALUES, torch.zeros(3), torch.zeros(2, 2, dtype=torch.int64), huge])
    if new is DEEP:
        for _ in range(300):  # more than a state has; pickle itself ends at some hundreds
            new = [new]
    if draw.random() < 0.15:
        del holder[key]
    else:
        holder[key] = new
    try:
        noted = digest(state)
    except ValueError:  # no digest of ours: then any
        noted = "0" * 64
    torch.save({"kind": KIND, "format": FORMAT, "sha256": noted, **state}, path)
    return f"{path.name}: {place} is {str(new)[:40]}"


SPOILS: list[tuple[str, Spoil]] = [
    *((name, as_a_whole) for name in (*JSON, *OTHER)),
    *((name, in_a_field) for name in JSON for _ in range(4)),
    *((name, in_a_checkpoint) for name in ("last.pt", "best.pt") for _ in range(5)),
]
COMMANDS = (
    ["runs", "spoiled"],
    ["check", "RUN"],
    ["evaluate", "RUN", *ON_CPU],
    ["evaluate", "RUN", "--weights", "best", *ON_CPU],
    ["predict", "RUN", "image.png", *ON_CPU],
    ["report", "RUN", *ON_CPU],
    ["report", "RUN", "whole", "--out", "out", *ON_CPU],
    ["weights", "RUN", "--out", "out"],
    ["export", "RUN", "--to", "torch", "--out", "out/net.pt2", "--weights", "RUN"],
    ["train", "--resume", "RUN", "--no-report", *ON_CPU],
    ["train", "net.yaml", "--init", "RUN", "--no-report", "--out", "out", *ON_CPU],
    ["train", "net.yaml", "--set", "train.distill.run=RUN", "--no-report", "--out", "out", *ON_CPU],
)


class Late(Exception):
    """A command has not ended."""


def case(runs: list[Path], number: int, folder: Path) -> str:
    """Runs a case in a folder of its own; gives what is wrong, nothing if all is well."""
    draw = random.Random(number)
    (folder / "out").mkdir()
    Image.new("L", (8, 8), 100).save(folder / "image.png")
    (folder / "net.yaml").write_text(NETWORK)
    shutil.copytree(runs[0], folder / "whole")
    run = Path(shutil.copytree(draw.choice(runs), folder / "spoiled" / "run"))
    fine = Path(shutil.copytree(runs[0], folder / "spoiled" / "fine"))
    name, spoil = draw.choice([(name, spoil) for name, spoil in SPOILS if (run / name).is_file()])
    words = [word.replace("RUN", "spoiled/run") for word in draw.choice(COMMANDS)]
    said = f"case {number}: {spoil(run / name, draw)}; {' '.join(words)}"
    out, err = io.StringIO(), io.StringIO()

    def late(*_: Any) -> None:
        raise Late

    here, before = Path.cwd(), signal.signal(signal.SIGALRM, late)
    os.chdir(folder)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = archbuilder(words)
    except BaseException as error:
        return f"{said}: {type(error).__name__}: {str(error)[:300]}"
    finally:
        os.chdir(here)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    text = out.getvalue() + err.getvalue()
    if "Traceback" in text or (status and " AB" not in text):
        return f"{said}: status {status}: {err.getvalue()[:300]}"
    if words[0] == "runs" and "spoiled/fine" not in out.getvalue():
        return f"{said}: {fine} is not listed: {out.getvalue()}"
    return ""


def cases(first: int, count: int) -> Iterator[str]:
    """What is wrong in so many cases."""
    with tempfile.TemporaryDirectory() as made:
        runs = [finished(Path(made)), unfinished(Path(made))]
        for number in range(first, first + count):
            with tempfile.TemporaryDirectory() as folder:
                if found := case(runs, number, Path(folder)):
                    yield found


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    found = 0
    for wrong in cases(args.first, args.cases):
        print(wrong, flush=True)
        found += 1
    print(f"{found or 'nothing'} found in {args.cases} cases")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
