"""Every benchmark starts, from the environment that the README makes: at its smallest size, on the digits."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests import programs

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
STARTED = {"plain_loop": "throughput"}  # by another one
NEEDS = {
    "check_speed": pytest.mark.needs("time"),
    "microcontroller": pytest.mark.needs("mcu"),
    "page": pytest.mark.needs("browser", "time"),
}
SMALLEST = {
    "augmentation": ["--images", "64", "--rounds", "1"],
    "check_speed": ["small.yaml", "--runs", "1", "--layers", "10", "20"],
    "check_startup": ["small.yaml", "--runs", "2"],
    "microcontroller": ["--networks", "quickstart"],
    "page": ["--runs", "1", "--checks", "1"],
    "same_recipe": ["small.yaml", "--epochs", "1", "--set", "data.dataset=digits", "--no-report", "--device", "cpu"],
    "search": ["judge", "--seconds", "0.1"],
    "throughput": ["small.yaml", "--images", "256", "--rounds", "1", "--engines", "tensor", "--data-dir", "data"],
    "time_to_accuracy": [
        "small.yaml",
        "--seeds",
        "1",
        "--epochs",
        "1",
        "--no-ratio",
        "--data-dir",
        "data",
        "--curve",
        "a.csv",
    ],
}


def test_none_is_left_out():
    assert sorted([*SMALLEST, *STARTED]) == sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", [pytest.param(name, marks=NEEDS.get(name, ())) for name in SMALLEST])
def test_it_starts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Here; the programs that it measures are processes of their own."""
    (tmp_path / "small.yaml").write_text(NET)
    file = ROOT / "benchmarks" / f"{name}.py"
    modules = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(file.parent)
    monkeypatch.setattr("sys.argv", [str(file), *SMALLEST[name]])
    monkeypatch.setattr("subprocess.run", programs.run)
    status: object = 0
    try:
        runpy.run_path(str(file), run_name="__main__")
    except SystemExit as end:
        status = end.code
    finally:
        for module in (set(sys.modules) - modules) & {path.stem for path in file.parent.glob("*.py")}:
            del sys.modules[module]
    assert not status
    assert any(character.isdigit() for character in capfd.readouterr().out)
