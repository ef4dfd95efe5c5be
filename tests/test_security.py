"""What SECURITY.md promises: here are the tests of it that stand nowhere else, and one that it names tests that are."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from archbuilder import blocks, diagnostics
from archbuilder.data import npz
from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.document import extends, parser, scalars, text
from archbuilder.ir import builder
from archbuilder.pipeline import check
from archbuilder.run import checkpoint
from archbuilder.schema import expressions, fields
from archbuilder.spec import rules

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SECURITY.md").read_text()


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`", TEXT)
    assert len(named) >= 10
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text())
        defined = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        assert name in defined | {""}, f"{file}::{name}"


def test_bounds_are_those_of_the_code():
    rows = dict(re.findall(r"^\| ([a-z ,]+) \| ([0-9,]+)", TEXT, re.MULTILINE))
    assert {what: int(number.replace(",", "")) for what, number in rows.items()} == {
        "bytes of a file, characters of all files together": text.MAX_BYTES,
        "levels of nesting": parser.MAX_DEPTH,
        "values of all files together, aliases expanded": parser.MAX_NODES,
        "digits of a number": scalars.MAX_DIGITS,
        "files that extend each other": extends.MAX_BASES,
        "characters of an expression": expressions.MAX_LENGTH,
        "rule packs of a file": rules.MAX_PACKS,
        "blocks, definitions written out": blocks.MAX_BLOCKS,
        "levels of blocks in blocks, definitions written out": blocks.MAX_LEVELS,
        "parameters of a definition": fields.MAX_NAMES,
        "characters of a name": fields.MAX_NAME,
        "characters of a layer, path and all": builder.MAX_PATH,
        "layers, repeats written out": builder.MAX_LAYERS,
        "problems that are reported": diagnostics.MAX_PROBLEMS,
        "characters of a message": diagnostics.MAX_TEXT,
    }


# what a check must never do, whatever the file says: Python tells an audit hook of each
PROGRAM = """
import os, sys, tempfile
from pathlib import Path
from tests.spoiling import case
from tests.fuzz_check import examine

FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.spawn", "os.posix_spawn", "subprocess.", "socket.", "shutil.",
             "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate",
             "os.putenv", "pickle.", "ctypes.", "urllib.", "ftplib.", "smtplib.", "webbrowser.")
watching = False

def hook(event, arguments):
    global watching
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if watching and (writes or event.startswith(FORBIDDEN)):
        watching = False
        sys.exit(f"{event} {arguments}")

sys.addaudithook(hook)
attacks = [
    'archbuilder: 1\\ninput: [3, 8, 8]\\nnetwork: [{conv: "__import__(\\'os\\').system(\\'touch trapped\\')"}]\\n',
    'archbuilder: 1\\ninput: [3, 8, 8]\\nnetwork: !!python/object/apply:os.system ["touch trapped"]\\n',
    'archbuilder: 1\\ninput: [3, 8, 8]\\nnetwork: [os.system, ../../evil, __init__, _external, "conv; import os"]\\n',
    'archbuilder: 1\\ninput: [3, 8, 8]\\nvars: {a: "().__class__.__mro__"}\\nnetwork: [{conv: a}]\\n',
]
with tempfile.TemporaryDirectory() as folder:
    for text in [*(case(7, number) for number in range(400)), *attacks]:
        path = Path(folder) / "case.yaml"
        watching = False
        options = ((), ()) if isinstance(text, str) else (text.overrides, text.rules)
        path.write_text(text) if isinstance(text, str) else text.write(Path(folder))
        watching = True
        found = examine(path, *options)[2]
        assert not found, found
    watching = False
    assert sorted(file.name for file in Path(folder).iterdir()) == ["base.yaml", "case.yaml", "pack.yaml"]
"""


def test_a_check_only_reads(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=tmp_path, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["os", "os.system", "_external", "__init__", "..ir.builder", "conv.Conv", ""])
def test_a_name_in_a_file_imports_no_module_but_a_block(name: str):
    head = "archbuilder: 1\ninput: [3, 8, 8]\n"
    check(f"{head}network: [{{unknown: 3}}]\n")  # imports what an unknown name takes
    before = set(sys.modules)
    found = check(f"{head}network: [{{'{name}': 3}}]\n").diagnostics
    assert [d.code.id for d in found] == ["AB101"]
    assert set(sys.modules) == before


class Trap:
    """An object that runs code when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "trapped"

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return self.file.touch, ()


def test_code_in_a_checkpoint_of_a_run_is_not_run(tmp_path: Path):
    torch.save({"kind": checkpoint.KIND, "model": Trap(tmp_path)}, tmp_path / "last.pt")
    with pytest.raises(ArchbuilderError, match="AB704"):
        checkpoint.read(tmp_path / "last.pt")
    assert not (tmp_path / "trapped").exists()


def test_code_in_a_data_file_is_not_run(tmp_path: Path):
    np.savez(tmp_path / "images.npz", **{name: np.array([Trap(tmp_path)]) for name in npz.ARRAYS})
    with pytest.raises(ArchbuilderError, match="AB604"):
        npz.read(tmp_path / "images.npz", Span("net.yaml"))
    assert not (tmp_path / "trapped").exists()
