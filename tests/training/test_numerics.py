"""torch's settings while a run trains, and what a device cannot do."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.run import plan
from archbuilder.run.options import Options
from archbuilder.spec.train import Train
from archbuilder.training import parallel
from archbuilder.training.learning import device
from archbuilder.training.learning.precision import check, settings
from tests import programs

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
from archbuilder.training.learning.precision import autocast, settings
with settings(Train(precision="bf16"), torch.device("cpu")), autocast(Train(precision="bf16"), torch.device("cpu")):
    torch.ones(2, 2) @ torch.ones(2, 2)
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


NET = "{archbuilder: 1, input: [1, 8, 8], classes: 10, network: [gap, classifier], data: {dataset: digits}}\n"


def faults_of_a_process(environment: dict[str, str]) -> list[int]:
    """The page faults of a process that does nothing, that evaluates a network, and that trains one."""

    def faults() -> int:
        rounds = []
        for _ in range(3):  # the first of them gets the memory; something small may lie down in it once
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(5):
                torch.ones(1 << 24)  # 64 MiB: 16,384 pages, or 32 huge ones
            rounds.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        return min(rounds)

    for name in [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_TUNABLES"))]:
        del os.environ[name]
    os.environ |= environment
    wanted = plan.new(NET, (), Path("runs"), Options(device="cpu", threads=1), check=True)
    torch.set_num_threads(1)
    found = [faults()]
    with device.settings(CPU, 1):  # as predict and evaluate have it
        found.append(faults())
    with parallel.joined(wanted):
        found.append(faults())
    return found


def faults(**environment: str) -> list[int]:
    """The faults are counted in a new process."""
    with ProcessPoolExecutor(1, programs.SERVER) as process:
        return process.submit(faults_of_a_process, environment).result()


glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")


@glibc
def test_training_does_not_fetch_the_memory_that_a_tensor_leaves_anew_for_the_next():
    before, evaluated, trained = faults()
    assert before >= 5 * 32 and evaluated > before / 2
    assert trained < before / 10


@glibc
@pytest.mark.parametrize(("name", "value"), [("MALLOC_ARENA_MAX", "4"), ("GLIBC_TUNABLES", "glibc.malloc.arena_max=4")])
def test_an_environment_that_sets_malloc_itself_is_heeded(name: str, value: str):
    before, _, trained = faults(**{name: value})
    assert trained > before / 2
