"""Every benchmark starts, from the environment that the README makes: at its smallest size, on the digits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
NET = """\
archbuilder: 1
name: small
input: [3, 32, 32]
classes: 10
network: [{conv: {out: 4, stride: 4}}, gap, classifier]
data: {dataset: digits, batch_size: 512, engine: tensor}
train: {epochs: 1}
"""
SMALLEST = {
    "augmentation": ["--images", "64", "--rounds", "1"],
    "check_speed": ["small.yaml", "--runs", "1", "--layers", "10", "20"],
    "check_startup": ["small.yaml", "--runs", "2"],
    "plain_loop": ["model.py", "images.npz", "--epochs", "1", "--workers", "0"],
    "same_recipe": ["small.yaml", "--epochs", "1", "--set", "data.dataset=digits", "--no-report", "--device", "cpu"],
    "search": ["judge", "--seconds", "0.1"],
    "throughput": ["small.yaml", "--images", "256", "--rounds", "1", "--data-dir", "data"],
    "time_to_accuracy": ["small.yaml", "--seeds", "1", "--epochs", "1", "--no-ratio", "--data-dir", "data"],
}


def test_none_is_left_out():
    assert sorted(SMALLEST) == sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", SMALLEST)
def test_it_starts(name: str, tmp_path: Path):
    (tmp_path / "small.yaml").write_text(NET)
    model = "from torch import nn\n\n\nclass Network(nn.Sequential):\n    def __init__(self):\n"
    model += "        super().__init__(nn.Flatten(), nn.Linear(3072, 10))\n"
    (tmp_path / "model.py").write_text(model)
    images = np.zeros((128, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "images.npz", x_train=images, y_train=np.arange(128) % 10)
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "NO_ALBUMENTATIONS_UPDATE": "1"}
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *SMALLEST[name]]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stdout + result.stderr
    assert any(character.isdigit() for character in result.stdout)
