"""Where a run takes place: the device, and one or several processes, joined by Hugging Face Accelerate.

Accelerate picks the way to talk (gloo, nccl ...) and the device of each process from what the launcher
says; the gradients are averaged by torch's DistributedDataParallel.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from accelerate import PartialState
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.run.plan import Plan
from archbuilder.run.processes import ALONE, Processes, launched, said_once
from archbuilder.spec.data import Data
from archbuilder.training.learning import device
from archbuilder.training.learning import precision as numerics
from archbuilder.training.torch_errors import explained

DEVICES = declare(
    "AB732",
    "more processes than devices",
    exit_status=2,
    why="Each process of a run trains on its own GPU; two processes on one GPU would only wait for each other.",
    bad="$ torchrun --nproc-per-node 8 -m archbuilder train net.yaml  # with fewer GPUs",
    good="$ torchrun --nproc-per-node 2 -m archbuilder train net.yaml  # with two GPUs",
)
BATCH = declare(
    "AB735",
    "a batch with fewer images than processes",
    why=(
        "The batch size is the total over all processes. Each takes its part of a batch, and here some would get no "
        "image."
    ),
    bad="$ torchrun --nproc-per-node 4 -m archbuilder train net.yaml --set data.batch_size=3",
    good="$ torchrun --nproc-per-node 4 -m archbuilder train net.yaml --set data.batch_size=128",
)
SYNCHRONISED = declare(
    "AB733",
    "batch normalisation that cannot be synchronised",
    exit_status=2,
    why="Torch can compute a batch's mean and standard deviation over all processes on GPUs only.",
    bad="$ torchrun --nproc-per-node 2 -m archbuilder train net.yaml --device cpu --sync-batch-norm",
    good="$ torchrun --nproc-per-node 2 -m archbuilder train net.yaml --device cpu",
)

T = TypeVar("T")


class Distributed(Processes):
    """One of several processes, its device, and how it reaches the others."""

    def __init__(self, state: PartialState, sync_batch_norm: bool) -> None:
        self.rank, self.count, self.device = state.process_index, state.num_processes, state.device
        self.sync_batch_norm = sync_batch_norm
        words = dist.new_group(backend="gloo")  # for all that is no gradient: a GPU is not waited for
        assert isinstance(words, dist.ProcessGroup)  # every process is a member of it
        self._words = words
        self._asked: tuple[Tensor, dist.Work] | None = None

    def wrap(self, module: nn.Module) -> nn.Module:
        if self.sync_batch_norm:
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
        on_gpu = self.device.type == "cuda"
        return DistributedDataParallel(module, device_ids=[self.device.index] if on_gpu else None)

    def align(self, module: nn.Module) -> None:
        for buffer in module.buffers():
            dist.broadcast(buffer, 0)

    def gather(self, value: T) -> list[T]:
        values: list[T] = [value] * self.count
        dist.all_gather_object(values, value, group=self._words)
        return values

    def first(self, value: T) -> T:
        values = [value]
        dist.broadcast_object_list(values, 0, group=self._words)
        return values[0]

    def highest(self, value: int) -> int:
        before, self._asked = self._asked, self._ask(value)
        if before is None:
            return 0
        answer, work = before
        work.wait()
        return int(answer)

    def _ask(self, value: int) -> tuple[Tensor, dist.Work]:
        question = torch.tensor(value)
        work = dist.all_reduce(question, dist.ReduceOp.MAX, group=self._words, async_op=True)
        assert work is not None
        return question, work

    def seed(self, *key: int) -> None:
        if self.rank:
            torch.manual_seed(int(np.random.SeedSequence([self.rank, *key]).generate_state(1, np.uint64)[0]))

    @contextmanager
    def agreed(self) -> Iterator[None]:
        found: tuple[Diagnostic, ...] = ()
        try:
            yield
        except ArchbuilderError as error:
            found = error.diagnostics
        everyone = dict.fromkeys(problem for problems in self.gather(found) for problem in problems)
        if everyone and self.main:
            raise ArchbuilderError(*everyone) from None
        if everyone:
            raise SystemExit(ArchbuilderError(*everyone).exit_status)


def check_batch(data: Data, processes: Processes) -> None:
    """Raises ArchbuilderError AB735 where a process would have no image of a batch."""
    if data.batch_size < processes.count:
        message = f"batch_size: {data.batch_size} counts over all {processes.count} processes, and leaves some without"
        hint = f"set batch_size: {2 * processes.count} or more, or start fewer processes"
        raise ArchbuilderError(BATCH.at(data.span("batch_size"), message, hint))


def check_norms(plan: Plan) -> None:
    """Raises ArchbuilderError AB733 for synchronised norms in a training with int8 rounding."""
    if plan.options.sync_batch_norm and plan.train.quantize:
        message = "torch's SyncBatchNorm needs GPUs, and the ranges of int8 are calibrated on the CPU"
        hint = "leave --sync-batch-norm out: the weights that --init takes may well have been trained with it"
        raise ArchbuilderError(SYNCHRONISED.at(Span("--sync-batch-norm"), message, hint))


def join(place: torch.device, sync_batch_norm: bool) -> Distributed:
    """Join the other processes; done once, for all runs of this process.

    place: the kind of device to train on.
    Raises ArchbuilderError AB732 (too few GPUs), AB733 (nothing to synchronise on a CPU).
    """
    here = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    if place.type == "cuda" and here > torch.cuda.device_count():
        message = f"{here} processes on this machine, and {torch.cuda.device_count()} GPU"
        hint = "start as many as it has GPUs (torchrun --nproc-per-node), or train with --device cpu"
        raise ArchbuilderError(DEVICES.at(Span("--device"), message, hint))
    if sync_batch_norm and place.type != "cuda":
        message = f"torch's SyncBatchNorm needs GPUs, and this runs on {place.type}"
        hint = "leave --sync-batch-norm out, or use norm: group, which looks at no other image"
        raise ArchbuilderError(SYNCHRONISED.at(Span("--sync-batch-norm"), message, hint))
    return _joined(place.type == "cpu", sync_batch_norm)


@lru_cache(maxsize=1)
def _joined(cpu: bool, sync_batch_norm: bool) -> Distributed:
    state = PartialState(cpu=cpu)
    atexit.register(state.destroy_process_group)
    return Distributed(state, sync_batch_norm)


@contextmanager
def joined(plan: Plan) -> Iterator[tuple[torch.device, Processes]]:
    """The device and the processes of a plan, with torch's settings for it."""
    place, processes = device.pick(plan.options.device), ALONE
    if launched():
        from archbuilder.training.parallel import check_batch, check_norms, join

        with said_once():
            check_norms(plan)
            processes = join(place, plan.options.sync_batch_norm)
        place = processes.device
        with processes.agreed():
            check_batch(plan.data, processes)
    if plan.options.log:
        from archbuilder.training import trackers

        with processes.agreed():
            trackers.check(plan.options.log)
    with _settings(plan, place):
        yield place, processes


@contextmanager
def trial(plan: Plan) -> Iterator[torch.device]:
    """The device of a plan, with torch's settings for it, for a training of which nothing is kept.

    torch's random state and settings are as they were afterwards.
    """
    place = device.pick(plan.options.device)
    with torch.random.fork_rng(), _settings(plan, place), explained(plan):
        yield place


@contextmanager
def _settings(plan: Plan, place: torch.device) -> Iterator[None]:
    if place.type == "cpu":
        device.keep_freed_memory()
    with device.settings(place, plan.options.threads), numerics.settings(plan.train, place):
        yield
