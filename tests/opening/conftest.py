"""Tiny runs on the embedded digits, trained once for a module: a plain one, and one with an override."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from archbuilder.cli import main
from archbuilder.training import train

NET = """\
archbuilder: 1
input: [1, 8, 8]
classes: 10
vars: {width: 4}
network: [{conv: width}, gap, classifier]  # a remark
data: {dataset: digits, batch_size: 256}
train: {epochs: 1}
"""
BASE = """\
archbuilder: 1
input: [1, 8, 8]
classes: 10
limits: {receptive_field: "> 44"}  # archbuilder: ignore AB503 it is small on purpose
vars: {width: 4}
network: [{conv: width}, gap, classifier]
data: {dataset: digits, batch_size: 256}
train: {epochs: 1}
"""
# texts that YAML 1.1, in which PyYAML writes, needs no quotes for, and which are numbers in YAML 1.2
VARIANT = """\
extends: ../bases/base.yaml
name: "{name}"
rules: ../packs/mine.yaml
"""
PACK = """\
archbuilder_rules: 1
name: mine
rules: [{gap: {}}]
"""
ALONE: dict[str, Any] = {"device": "cpu", "threads": 1, "report": False}
WIDE = "vars.width=8"


class Program(NamedTuple):
    """What a command gives."""

    status: int
    out: str
    err: str


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Callable[..., Program]:
    def run(*words: object) -> Program:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Program(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with net.yaml, and files that name others beside their own folder."""
    path = tmp_path_factory.mktemp("runs")
    (path / "net.yaml").write_text(NET)
    for name, text in {"bases/base.yaml": BASE, "packs/mine.yaml": PACK}.items():
        (path / name).parent.mkdir()
        (path / name).write_text(text)
    (path / "mine").mkdir()
    return path


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return train(folder / "net.yaml", out=folder / "runs", **ALONE).path


@pytest.fixture(scope="module")
def wide(folder: Path) -> Path:
    """A run of net.yaml with another width, by an override."""
    return train(folder / "net.yaml", overrides=[WIDE], out=folder / "runs", **ALONE).path
