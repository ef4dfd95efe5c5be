"""Where a run computes: the device, and the settings of the process that go with it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from archbuilder.diagnostics import ArchbuilderError, Span, declare

DEVICE = declare(
    "AB706",
    "a device that is not available",
    exit_status=2,
    why=(
        "Torch finds no such device: the machine has none, it is hidden from this process, or torch was built without "
        "support for it."
    ),
    bad="$ archbuilder train net.yaml --device cuda  # without a GPU",
    good="$ archbuilder train net.yaml --device cpu",
)


def pick(name: str) -> torch.device:
    """The device with that name; `auto` takes a GPU where there is one.  Raises ArchbuilderError AB706."""
    there = [device for device, found in _found().items() if found]
    if name == "auto":
        return torch.device(there[0])
    if name in there:
        return torch.device(name)
    reason = "this machine has no visible GPU" if _built(name) else f"torch {torch.__version__} was built without it"
    message = f"there is no device {name}: {reason}"
    raise ArchbuilderError(DEVICE.at(Span("--device"), message, f"use an available one: {', '.join(there)}"))


def _found() -> dict[str, bool]:
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}


def _built(name: str) -> bool:
    """Whether this build of torch could use such a device on another machine."""
    return torch.backends.cuda.is_built() if name == "cuda" else torch.backends.mps.is_built()


@contextmanager
def settings(device: torch.device, threads: int | None) -> Iterator[None]:
    """torch's settings of the whole process while a network runs; afterwards they are as they were.

    torch itself lets convs on a GPU round to tf32, 10 bits of mantissa, unless it is told not to: here fp32
    is fp32, in `evaluate` as in training.
    Denormal numbers (below 1.2e-38) cost a CPU up to a hundred times an ordinary one and add nothing to a
    network: they count as 0.
    """
    before, flushed = torch.get_num_threads(), sys.float_info.min / 2 == 0
    rounded = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    if threads is not None:
        torch.set_num_threads(min(threads, os.cpu_count() or threads))
    torch.set_flush_denormal(device.type == "cpu")
    round_to_tf32(False, False)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(flushed)
        round_to_tf32(*rounded)


def round_to_tf32(convs: bool, products: bool) -> None:
    """Whether a GPU may take 10 bits of the mantissa for convs and for matrix products."""
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convs, products


def keep_freed_memory() -> None:
    """Have glibc keep the memory that tensors leave, for the next ones; other C libraries are left alone.

    By default each large tensor is a fresh mapping that is given back when it dies, so a training step meets all its
    memory anew, page by page: up to half of its time (benchmarks/RESULTS.md).  It stays so for the rest of the
    process, since glibc does not tell what was set before.  An environment that sets glibc's malloc itself is heeded.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    tuned = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.getenv("GLIBC_TUNABLES", "")
    if mallopt is None or tuned:  # musl has none
        return
    no_mappings, never_trim, one_arena = (-4, 0), (-1, -1), (-8, 1)  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_ARENA_MAX
    for option, value in (no_mappings, never_trim, one_arena):
        mallopt(option, value)
