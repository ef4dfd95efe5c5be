"""Programs that start in no time: forked from a server that has imported torch, but never computed with it."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ARCHBUILDER = ("-m", "archbuilder")
SERVER = multiprocessing.get_context("forkserver")
# what a run imports late, the server imports once
SERVER.set_forkserver_preload(
    "albumentations archbuilder.training.session archbuilder.training.parallel "
    "archbuilder.evidence.report matplotlib.backends.backend_agg torch._dynamo".split()
)


_really_run = subprocess.run  # tests put `run` in its place


class Program:
    """`python` with some words, running in a folder; a session of its own, as under a scheduler.

    words:   as behind `python`: a file, `-c CODE` or `-m MODULE`, and its arguments.
    start:   how it starts worker processes; by default as this Python does.
    streams: what its standard streams lead to: files that `wait` reads, or for output a reader that has gone
             ("unread") or a full disk ("full"), or nothing at all ("closed", all three of them).
    """

    def __init__(
        self,
        folder: Path,
        words: Sequence[str],
        environment: Mapping[str, str],
        start: str | None = None,
        streams: str = "files",
    ) -> None:
        self._files = [tempfile.NamedTemporaryFile() for _ in range(2)]  # noqa: SIM115
        names = [file.name for file in self._files]
        self.process = SERVER.Process(
            target=_run, args=(str(folder), list(words), dict(environment), start, streams, *names)
        )
        self.process.start()
        assert self.process.pid is not None
        self.pid = self.process.pid

    def wait(self, timeout: float = 60) -> tuple[int, str, str]:
        """(exit status, standard output, standard error) once it has ended; a signal's number counts below 0."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.process.kill()
            raise TimeoutError(f"no end after {timeout} s:{self._said()}")
        return self.process.exitcode, *self._said()

    def _said(self) -> tuple[str, str]:
        out, err = (Path(file.name).read_text() for file in self._files)
        return out, err


def program(folder: Path, *words: str, start: str | None = None, streams: str = "files") -> Program:
    """`archbuilder` with some words."""
    return Program(folder, [*ARCHBUILDER, *words], {}, start, streams)


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """subprocess.run, but for a Python program: that starts in no time, too."""
    if command[0] != sys.executable or command[1] == "-X" or "input" in options:
        return _really_run(command, **options)
    process = Program(options.get("cwd") or Path.cwd(), command[1:], options.get("env") or os.environ)
    status, out, err = process.wait(options.get("timeout") or 60)
    if not options.get("capture_output"):
        print(out if "stdout" not in options else "", file=sys.stdout, end="")
        print(err if "stderr" not in options else "", file=sys.stderr, end="")
    done = subprocess.CompletedProcess(command, status, out, err)
    if options.get("check"):
        done.check_returncode()
    return done


def crew(count: int, folder: Path, *words: str) -> list[Program]:
    """The processes of one run, as torchrun starts them."""
    if count == 1:
        return [program(folder, *words)]
    all = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
    all |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    words = (*ARCHBUILDER, *words)
    return [Program(folder, words, {**all, "RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(count)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def until(true: Callable[[], object], programs: Sequence[Program], timeout: float = 60) -> None:
    """Wait for something that programs do while they run."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline or not all(each.process.is_alive() for each in programs):
            raise TimeoutError(str([each.wait(1) for each in programs]))
        time.sleep(0.001)


def _run(
    folder: str, words: list[str], environment: dict[str, str], start: str | None, streams: str, out: str, err: str
) -> None:
    multiprocessing.set_start_method(start, force=True)  # a process from a server would start its own from a server
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
    os.chdir(folder)
    os.environ |= environment
    for number, name in enumerate((out, err), start=1):
        os.dup2(os.open(name, os.O_WRONLY), number)
    if streams == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    elif streams == "unread":
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
    elif streams == "closed":  # as Python finds them when it starts
        for number in range(3):
            os.close(number)
        sys.stdin = sys.stdout = sys.stderr = None  # type: ignore[assignment]
    _python(words)


def _python(words: list[str]) -> None:
    """What `python` does with its arguments."""
    kind, *rest = words
    sys.argv = words if kind not in ("-c", "-m") else rest if kind == "-m" else ["-c", *rest[1:]]
    sys.path.insert(0, "" if kind in ("-c", "-m") else str(Path(kind).parent))
    if kind == "-m":
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(kind, run_name="__main__")
