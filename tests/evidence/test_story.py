"""The command that a report prints does what is said of it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archbuilder.cli import main
from archbuilder.evidence.run_summary import command
from archbuilder.trained.open import Run, open_run
from archbuilder.training import train
from tests.evidence.conftest import ALONE, NETWORK


def test_the_command_gives_the_same_weights_from_anywhere(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of a run with its own images and a teacher beside its YAML, others' weights, and a limit that is missed."""
    images, labels = np.random.default_rng(0).integers(0, 256, (64, 8, 8), dtype=np.uint8), np.arange(64) % 10
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    own = NETWORK.replace("digits", "own.npz").replace("< 5k", "< 5").replace("epochs: 3", "epochs: 1")
    (tmp_path / "net.yaml").write_text(own)
    teacher = train(tmp_path / "net.yaml", out=tmp_path / "teachers", check=False, report=False, **ALONE).path
    taught = own + f"  distill: {teacher.relative_to(tmp_path)}\n"
    (tmp_path / "net.yaml").write_text(taught)
    options = {"check": False, "report": False, "init": finished, **ALONE}
    run = train(tmp_path / "net.yaml", overrides=["train.seed=3"], out=tmp_path / "runs", **options).path
    program, *words = shlex.split(command(open_run(run)))
    monkeypatch.chdir("/")
    assert program == "archbuilder"
    assert main([*words, "--no-report", "--out", str(tmp_path / "again")]) == 0
    (again,) = tmp_path.glob("again/tiny/*")
    assert (again / "weights.safetensors").read_bytes() == (run / "weights.safetensors").read_bytes()


def test_the_command_starts_as_many_processes(run: Run):
    several = replace(run, environment={**run.environment, "processes": 2, "sync_batch_norm": True})
    assert command(several).startswith(f"torchrun --nproc-per-node 2 -m archbuilder train {run.path}")
    assert command(several).endswith(" --sync-batch-norm")
