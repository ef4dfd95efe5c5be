"""Every command where only the base installation is: it works, or says in one line what to install.

The environment is a real one: this Python without its site-packages, and a folder with what the base install needs and
the wheel, as it is built from the sdist.
"""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from archbuilder.cli import _packages
from archbuilder.files import cache_folder
from archbuilder.training import train
from tests.cli import every
from tests.cli.samples import ROOT
from tests.release import PROGRAM, both, requirements

pytestmark = pytest.mark.timeout(600)  # one process for some two hundred commands, beside other tests

Said = list[tuple[list[str], int | str, str, str]]
BEYOND = (
    "summary predict evaluate quantize report overfit lr-find data import weights train export rf lsp live mcp".split()
)


def needed(name: str) -> set[str]:
    """A distribution and what it requires."""
    rest = [re.match(r"[\w.-]+", line)[0] for line in distribution(name).requires or () if "extra ==" not in line]  # type: ignore[index]
    return {name}.union(*map(needed, rest))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, what is in it, and the wheel; in `checkout` is what they were built from."""
    both(folder := tmp_path_factory.mktemp("release"))
    return folder


def test_the_sdist_has_all_files_of_the_checkout(release: Path):
    (sdist,) = release.glob("archbuilder-*/")
    files = [path.relative_to(release / "checkout") for path in (release / "checkout").rglob("*") if path.is_file()]
    assert len(files) > 900
    assert [path for path in files if not (sdist / path).is_file() and "egg-info" not in str(path)] == []


def test_the_wheel_has_all_files_of_the_package(release: Path):
    (wheel,) = release.glob("*.whl")
    with ZipFile(wheel) as opened:
        packed = set(opened.namelist())
    package = release / "checkout" / "archbuilder"
    files = [path for path in package.rglob("*") if path.is_file()] + [*package.glob("architectures/**/*.yaml")]
    left_out = [path for path in files if path.relative_to(release / "checkout").as_posix() not in packed]
    assert len(files) > 500 and left_out == []


@pytest.fixture(scope="session")
def packages(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the base installation."""
    folder = tmp_path_factory.mktemp("packages")
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    for line in config["options"]["install_requires"].split():
        for name in needed(re.match(r"[\w.-]+", line)[0]):  # type: ignore[index]
            for file in distribution(name).files or ():
                target = folder / file.parts[0]
                if file.parts[0] != ".." and not target.exists():
                    target.symlink_to(distribution(name).locate_file(file.parts[0]))
    (wheel,) = release.glob("*.whl")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


@pytest.fixture(scope="session")
def said(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What every line says there, and its exit status (or a traceback)."""
    folder = tmp_path_factory.mktemp("base")
    every.files(folder)
    made = train(every.NET, out=folder / "runs", device="cpu", threads=1, report=False).path
    made.rename(made.with_name("first"))
    parts = cache_folder() / "page"  # fetched and compiled once for all tests
    parts.mkdir(parents=True, exist_ok=True)
    (folder / ".cache" / "archbuilder").mkdir(parents=True)
    (folder / ".cache" / "archbuilder" / "page").symlink_to(parts)
    lines = [line for command in every.commands() for line in every.every(command)]
    options = {"cwd": folder, "capture_output": True, "text": True, "timeout": 400}
    result = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM],
        input=json.dumps(lines),
        env={"PYTHONPATH": str(packages), "HOME": str(folder)},
        **options,  # type: ignore[call-overload]
    )
    assert result.returncode == 0, result.stderr
    found: Said = json.loads(result.stdout)
    return found


def test_no_command_ends_in_a_traceback(said: Said):
    assert len(said) > 130  # each command, each option
    assert [(words, status) for words, status, _, _ in said if status not in (0, 1, 2)] == []


def test_what_needs_more_says_what_to_install(said: Said):
    asked: set[str] = set()
    for words, status, out, err in said:
        hints = re.findall(r"pip install '(.*)'", err)
        if hints or "not installed" in err:
            assert len(hints) == 1 and status in (0, 2), (words, status, out, err)
            asked.add(words[0])
    assert asked == {*BEYOND, "blocks"}  # `blocks NAME --test` holds it against torch


@pytest.mark.raises_code("AB907")
def test_what_needs_no_more_works(said: Said, program):
    """And the code is one that is printed as any other."""
    worked = {words[0] for words, status, _, _ in said if status == 0}
    assert worked >= {"check", "compare", "rf", "explain", "blocks", "rules", "schema", "init", "runs", "weights"}
    error = _packages.explain(ModuleNotFoundError("No module named 'torch'", name="torch.nn"), "summary")
    assert error is not None and "AB907 this needs torch, which is not installed" in str(error)
    assert _packages.explain(ModuleNotFoundError("No module named 'mine'", name="mine"), "import") is None


def test_every_package_of_an_extra_is_known():
    """Their names are those of distributions; some are imported by another one."""
    imported = {"opencv-python-headless": "cv2", "pillow": "PIL"}
    for extra, names in _packages.EXTRAS.items():
        assert {imported.get(name, name) for name in requirements(extra)} == set(names.split())
