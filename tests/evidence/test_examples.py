"""The scripts in examples/ run, and are as short as they are said to be."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["check_and_build", "train_from_python"])
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (tmp_path / "architectures").symlink_to(ROOT / "architectures")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    out = capsys.readouterr().out
    if name == "train_from_python":
        assert "% on the test images; report: runs/quickstart/" in out and out.count("taken for a") == 3
        assert len(list(tmp_path.glob("runs/quickstart/*/report.html"))) == 1


def test_training_from_python_takes_fewer_than_15_lines():
    lines = (ROOT / "examples" / "train_from_python.py").read_text().splitlines()
    assert len(lines) < 15
