"""A step of a search: one candidate trained to one rung, in a process that may be killed, here or on another machine.

A run keeps its checkpoints, so a lost step is repeated from its last epoch. A worker locks the folder of its trial, so
several programs can work on one search without doing the same step twice.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path
from time import sleep, time
from typing import Any, Literal, Protocol

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import write_whole
from archbuilder.run import json_files
from archbuilder.run.locks import locked
from archbuilder.sources import METRICS, Opened, newest_run_below

CANDIDATE, FAILED, LATENCY, LOG = "candidate.yaml", "failed.txt", "latency.json", "log.txt"  # of a trial's folder
FAILURES = ("AB712", "AB713")  # divergence or lack of memory is a failure of the candidate, not of the search
LOST = 3  # killed workers in a row after which a search gives up

WORKERS = declare(
    "AB863",
    "workers that fail repeatedly, or a cluster that cannot be reached",
    exit_status=2,
    why=(
        "A search continues when a worker or a node is lost. If every one is lost, or none can be started, there is "
        "another cause: too little memory, or a wrong address of the cluster. Results so far are kept."
    ),
    bad="$ archbuilder search net.yaml --executor ray --address 127.0.0.1:1  # where no cluster is",
    good="$ archbuilder search net.yaml",
)

Outcome = Literal["done", "failed", "held", "paused"]


@dataclass(frozen=True)
class Step:
    """What a worker is told.

    trial:     its folder; text is in it.  file: what the text stands for, so that its paths are found.
    until:     the epoch to train to; run: the folder of the run in that of the trial.
    overrides: beside the candidate's own values.  deadline: of the clock, after which it pauses at an epoch.
    """

    number: int
    rung: int
    trial: Path
    run: str
    file: str
    until: int
    overrides: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    deadline: float | None = None
    latency: bool = False

    @property
    def metrics(self) -> tuple[dict[str, Any], ...]:
        """The records of the epochs trained so far."""
        path = newest_run_below(self.trial / self.run)
        return json_files.metrics(path) if path and (path / METRICS).is_file() else ()

    def is_done(self) -> bool:
        return len(self.metrics) >= self.until or self.failed is not None

    @property
    def failed(self) -> str | None:
        """Why it cannot be trained."""
        path = self.trial / FAILED
        return path.read_text(encoding="utf-8") if path.is_file() else None


def take(step: Step) -> Outcome:
    """Train a candidate to its rung, or until the time is up."""
    if step.is_done():
        return "done"
    with locked(step.trial) as mine:
        if not mine:
            return "held"
        with (step.trial / LOG).open("a", encoding="utf-8", buffering=1) as log:
            try:
                with redirect_stdout(log), redirect_stderr(log):
                    _train(step)
            except ArchbuilderError as error:
                log.write(f"{error}\n")
                if error.diagnostics[0].code.id not in FAILURES:
                    raise
                write_whole(step.trial / FAILED, f"{error.diagnostics[0].message}\n".encode())
                return "failed"
            except KeyboardInterrupt:
                return "paused"
        return "done" if step.is_done() else "paused"


def _train(step: Step) -> None:
    from archbuilder.blocks._external import files, load_file

    for file in step.blocks:
        if Path(file).stem not in files():
            load_file(file)
    from archbuilder.pipeline import check_opened
    from archbuilder.run import plan as plans
    from archbuilder.run.options import Options
    from archbuilder.training.session import run

    options = Options.of(**{"threads": 1, "report": False, "keep": 1, **step.options})
    if path := newest_run_below(step.trial / step.run):
        plan = plans.resumed(path, options)
    else:
        opened = Opened(step.file, (step.trial / CANDIDATE).read_text(encoding="utf-8"))
        plan = plans.planned(check_opened(opened, step.overrides), step.overrides, options, step.trial / step.run)
    if step.latency and not (step.trial / LATENCY).is_file():
        _time(plan, step.trial / LATENCY)

    def look(record: dict[str, Any]) -> None:
        if step.deadline is not None and time() > step.deadline and record["epoch"] < step.until:
            raise KeyboardInterrupt

    run(plan, look, until=step.until)


def _time(plan: Any, path: Path) -> None:
    """Measure the latency of one image on this machine, in milliseconds: the median of many runs, with one thread."""
    import json
    from statistics import median
    from time import perf_counter

    import torch

    from archbuilder.modules import build

    torch.set_num_threads(1)
    network, image, times = build(plan.graph).eval(), torch.zeros(1, *plan.report.spec.input), []
    with torch.inference_mode():
        for _ in range(60):
            start = perf_counter()
            network(image)
            times.append(1e3 * (perf_counter() - start))
    write_whole(path, json.dumps({"milliseconds": median(times[10:])}).encode())


class Engine(Protocol):
    """Runs steps."""

    def take(self, steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome]]:
        """Run each step; yields the outcomes in the order in which steps end."""
        ...

    def close(self) -> None: ...


def _initialise() -> None:
    """Make a worker end with its parent process, even if that is killed."""
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class Local:
    """Processes on this machine, with one thread each."""

    def __init__(self, workers: int) -> None:
        self.workers, self._pool = workers, None

    _pool: ProcessPoolExecutor | None

    def take(self, steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome]]:
        left, lost = deque(steps), 0
        while left:
            waiting = {self._submit(step): step for step in left}
            left.clear()
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    step = waiting.pop(future)
                    try:
                        outcome: Outcome = future.result()
                    except BrokenProcessPool:  # a worker was killed, which also cancels all waiting steps
                        left.append(step)
                        continue
                    lost = 0
                    if outcome == "held":
                        left.append(step)
                    else:
                        yield step, outcome
            if left:
                lost += self._is_broken
                if lost > LOST:
                    hint = "see the end of log.txt in the trials' folders; fewer workers need less memory (--workers 1)"
                    raise ArchbuilderError(WORKERS.at(Span("--workers"), f"{lost} workers in a row were killed", hint))
                sleep(0.5)

    @property
    def _is_broken(self) -> bool:
        return bool(getattr(self._pool, "_broken", False))

    def _submit(self, step: Step) -> Future[Outcome]:
        if self._pool is None or self._is_broken:
            self.close()
            self._pool = ProcessPoolExecutor(self.workers, get_context("spawn"), initializer=_initialise)
        return self._pool.submit(take, step)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


class Here:
    """Runs steps in this process: for a few small steps, and for tests."""

    def take(self, steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome]]:
        for step in steps:
            while (outcome := take(step)) == "held":
                sleep(0.2)
            yield step, outcome

    def close(self) -> None:
        pass


def knock(address: str) -> None:
    """Test whether the address answers, because Ray itself would try for minutes. Raises ArchbuilderError AB863."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        message = f"no Ray cluster can be reached at {address}: {error}"
        hint = "start one with ray start --head, or remove --address to start one on this machine"
        raise ArchbuilderError(WORKERS.at(Span("--address"), message, hint)) from None


class OnRay:
    """Nodes of a Ray cluster that share the search's folder."""

    def __init__(self, address: str | None) -> None:
        """Raises ArchbuilderError AB863 if no cluster answers at that address."""
        if address is not None:
            knock(address)
        else:  # only on this machine; need not be reachable from others
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self._ray = ray
        if not ray.is_initialized():
            alone = {} if address else {"include_dashboard": False}
            ray.init(address=address, log_to_driver=False, **alone)

    def take(self, steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome]]:
        ray = self._ray
        remote = ray.remote(num_cpus=1, max_retries=LOST)(take)
        waiting = {remote.remote(step): step for step in steps}
        while waiting:
            (ready, *_), _ = ray.wait([*waiting], num_returns=1)
            step = waiting.pop(ready)
            try:
                outcome: Outcome = ray.get(ready)
            except ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, ArchbuilderError) else error from None
            if outcome == "held":  # locked by a worker of a lost node that has not ended yet, or by another program
                sleep(0.5)
                waiting[remote.remote(step)] = step
            else:
                yield step, outcome

    def close(self) -> None:
        pass


@contextmanager
def engine_of(executor: str, workers: int, address: str | None = None) -> Iterator[Engine]:
    """local: processes on this machine; ray: a cluster; here: this process."""
    engine: Engine = OnRay(address) if executor == "ray" else Here() if executor == "here" else Local(workers)
    try:
        yield engine
    finally:
        engine.close()
