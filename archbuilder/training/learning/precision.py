"""Number formats: what a recipe's precision means on a device, and torch's settings that go with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.spec.train.recipe import Train
from archbuilder.training.learning.device import round_to_tf32

PRECISION = declare(
    "AB743",
    "a precision that the device does not support",
    why=(
        "Not every device supports every number format, and some are slower in them than in fp32. Silently using "
        "another format would change the recipe."
    ),
    bad="$ archbuilder train net.yaml --device cpu --set train.precision=tf32",
    good="$ archbuilder train net.yaml --device cpu --set train.precision=bf16",
)

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(train: Train, device: torch.device) -> AbstractContextManager[None]:
    """Convs and matrix products in the recipe's 16 bits; weights stay float32."""
    dtype = _DTYPES.get(train.precision)
    return torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None)


def check(train: Train, device: torch.device) -> None:
    """Raises ArchbuilderError AB743 where the device cannot compute as the recipe wants."""
    reason = ""
    if train.precision == "tf32" and not _ampere(device):
        reason = "tf32 needs an NVIDIA GPU of compute capability 8 or higher"
    elif train.precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(False):
        reason = "this GPU has no bf16"
    elif train.precision == "fp16" and device.type == "cpu":
        reason = "fp16 is for GPUs: a CPU computes it slower than fp32"
    if reason:
        hint = "set train.precision: fp32" if device.type == "cpu" else "set train.precision: fp32 or fp16"
        raise ArchbuilderError(PRECISION.at(train.span("precision"), f"{reason}; the device is {device}", hint))


def _ampere(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8


@contextmanager
def settings(train: Train, device: torch.device) -> Iterator[None]:
    """torch's settings of the whole process while a run trains; afterwards they are as they were.

    The fastest of cuDNN's algorithms is looked for where it need not be the same each time.
    """
    check(train, device)
    cudnn, exact = torch.backends.cudnn, train.deterministic
    before = cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if exact:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be exact
    tf32 = train.precision == "tf32"
    _set(not exact, exact, tf32, tf32)
    if exact:  # the function itself loads torch's compiler, several seconds
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        _set(*before)
        if exact:
            torch.use_deterministic_algorithms(strict, warn_only=warns)


def _set(benchmark: bool, deterministic: bool, convs: bool, products: bool) -> None:
    cudnn = torch.backends.cudnn
    cudnn.benchmark, cudnn.deterministic = benchmark, deterministic
    round_to_tf32(convs, products)
