"""What torch raises in the middle of an epoch for a recipe or a machine that cannot work, as diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.rules.recipe_fit import SINGLE
from archbuilder.run.plan import Plan

MEMORY = declare(
    "AB713",
    "not enough memory to train",
    why=(
        "The backward pass needs the maps of every layer for every image of a batch, and this device does not have so "
        "much memory. Half the batch size needs about half of it."
    ),
    bad="$ archbuilder train net.yaml --set data.batch_size=1000000 --set 'input=[1, 999, 999]'  # beyond the memory",
    good="$ archbuilder train net.yaml",
)
LOST = declare(
    "AB734",
    "a process that has lost the others",
    why=(
        "The processes of a run wait for each other after every batch. One of them has ended or cannot be reached, and "
        "the others cannot continue without it."
    ),
    bad="$ torchrun --nproc-per-node 2 -m archbuilder train net.yaml  # and one of them is killed",
    good="$ torchrun --nproc-per-node 2 -m archbuilder train net.yaml",
)
WORKER = declare(
    "AB715",
    "a worker process that was killed",
    why=(
        "Worker processes read and augment images in advance. One of them was killed, usually by the system because "
        "memory ran out: each worker has its own copy of the libraries and its own batches in memory."
    ),
    bad="$ archbuilder train net.yaml --set data.workers=4  # and one of them is killed",
    good="$ archbuilder train net.yaml --set data.workers=1",
)
COMPILER = declare(
    "AB745",
    "a network that torch.compile cannot compile",
    why=(
        "torch.compile generates code for the network and needs a compiler to translate it; for a CPU that is a C++ "
        "compiler. There is none, or it failed."
    ),
    bad="$ CXX=none archbuilder train net.yaml --device cpu --set train.compile=true",
    good="$ archbuilder train net.yaml --device cpu --set train.compile=false --no-report",
)


@contextmanager
def explained(plan: Plan) -> Iterator[None]:
    """Turns torch's errors into ArchbuilderError: AB713 (memory), AB714 (batch size), AB715 (workers), AB734
    (processes), AB745 (compiler)."""
    try:
        yield
    except (RuntimeError, ValueError, MemoryError) as error:
        found = _explain(error, plan)
        if found is None:
            raise
        raise ArchbuilderError(found) from None


def is_lost_worker(error: BaseException) -> bool:
    """Whether this error says that a worker has ended.  It may come at any moment, with the system's signal."""
    return isinstance(error, RuntimeError) and "DataLoader worker (pid" in str(error)


def _explain(error: Exception, plan: Plan) -> Diagnostic | None:
    text, size = str(error), plan.data.batch_size
    if is_lost_worker(error):
        message = f"a worker process was killed: {text.splitlines()[0].strip()}"
        hint = f"if memory ran out, lower workers ({plan.data.workers} now) or batch_size ({size} now), or use "
        hint += "engine: tensor, which needs none; the run keeps its last checkpoint, and --resume continues it"
        return WORKER.at(plan.data.span("workers"), message, hint)
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in text:
        reason = text.splitlines()[0] if text else "out of memory"
        same = f"batch_size: {max(size // 2, 1)} with accumulate: 2 makes the same steps"
        hint = f"lower batch_size ({size} now; {same}), or make the network's maps smaller"
        return MEMORY.at(plan.data.span("batch_size"), reason, hint)
    if any(word in text for word in ("gloo", "NCCL", "ProcessGroup")):
        message = f"another process of this run has ended or cannot be reached: {text.splitlines()[0]}"
        hint = "see its output; the run keeps its last checkpoint, and --resume continues it"
        return LOST.at(Span("archbuilder train"), message, hint)
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        reason = text.splitlines()[0].partition(": ")[2] or text.splitlines()[0]
        hint = "install a compiler (g++), or set train.compile: false"
        return COMPILER.at(plan.train.span("compile"), f"torch.compile failed: {reason}"[:300], hint)
    if "Expected more than 1 value per channel" in text:
        message = f"batch normalisation cannot learn from one value per channel, as here with batch_size: {size}"
        return SINGLE.at(plan.data.span("batch_size"), message, "set batch_size: 2 or more, or norm: group")
    return None
