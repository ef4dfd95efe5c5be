"""Files on disk, and the program run in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from archbuilder.cli import main
from tests.cli.samples import BAD, GOOD, MISSED, ROOT, SYNTAX, WARNED


class Result(NamedTuple):
    status: int
    out: str
    err: str


Program = Callable[..., Result]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with a file of each kind."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"good": GOOD, "warned": WARNED, "bad": BAD, "missed": MISSED, "syntax": SYNTAX}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Program:
    """program("check", "x.yaml") -> exit status and what was printed, in this process."""

    def run(*arguments: str) -> Result:
        try:
            status: Any = main(arguments)
        except SystemExit as stop:  # argparse's way out
            status = stop.code
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture
def command() -> list[str]:
    """The program as a process of its own."""
    return [sys.executable, "-m", "archbuilder"]


@pytest.fixture
def environment() -> dict[str, str]:
    """For such a process: this checkout, wherever the test changed to."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "TERM": "xterm"}
