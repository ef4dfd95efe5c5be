"""torch's settings while a run trains, and what a device cannot do."""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import Any

import pytest
import torch

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.spec.train import Train
from archbuilder.training import device
from archbuilder.training.numerics import check, settings

CPU = torch.device("cpu")


def state() -> tuple[Any, ...]:
    cudnn = torch.backends.cudnn
    exact = torch.are_deterministic_algorithms_enabled()
    return cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, exact


@pytest.mark.parametrize("exact", [False, True])
def test_settings_hold_while_a_run_trains_and_no_longer(exact: bool):
    before = state()
    with settings(Train(deterministic=exact), CPU):
        assert state() == (not exact, exact, False, False, exact)  # fp32 is no tf32
    assert state() == before


def test_what_only_evaluates_does_not_round_either():
    before = state()
    with device.settings(CPU, None):
        assert state()[2:4] == (False, False)
    assert state() == before


def test_settings_are_as_before_after_an_error_too():
    before = state()
    with pytest.raises(KeyError), settings(Train(deterministic=True), CPU):
        raise KeyError
    assert state() == before


@pytest.mark.parametrize("precision", ["tf32", "fp16"])
def test_a_precision_that_a_cpu_lacks_is_refused(precision: Any):
    with pytest.raises(ArchbuilderError, match=r"AB743 .*; the device is cpu") as error:
        check(Train(precision=precision), CPU)
    assert "set train.precision: fp32" in str(error.value)


def test_settings_do_not_load_torchs_compiler():
    """torch.use_deterministic_algorithms does: several seconds that a run without it need not pay."""
    code = """
import sys
import torch
from archbuilder.spec.train import Train
from archbuilder.training.numerics import autocast, settings
with settings(Train(precision="bf16"), torch.device("cpu")), autocast(Train(precision="bf16"), torch.device("cpu")):
    torch.ones(2, 2) @ torch.ones(2, 2)
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


KEPT = """
import resource, torch
from archbuilder.training import device
torch.set_num_threads(1)
def faults():
    for _ in range(5):
        torch.ones(1 << 24)  # 64 MiB, or 16,384 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
with device.settings(torch.device("cpu"), 1):
    warm = faults()
    print(faults() - warm)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_the_memory_that_a_tensor_leaves_is_not_fetched_anew_for_the_next():
    run = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 5 * 16_384 / 10
