"""The promises of setup.cfg, constraints.txt and .ci/run, each of which could break unseen."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from archbuilder.version import __version__

ROOT = Path(__file__).parent.parent
PINNED_BY = dict.fromkeys(("pydantic-core", "typing-extensions"), "pydantic")  # pydantic cannot be without them


def normalized(requirement: str) -> str:
    """The name in a requirement as package indexes compare it: `PyYAML>=6,<7` -> `pyyaml`."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def declared() -> dict[str, set[str]]:
    """The names that setup.cfg asks for, under `base` and under each extra."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lists = {"base": config["options"]["install_requires"], **config["options.extras_require"]}
    return {key: {normalized(line) for line in text.split("\n") if line.strip()} for key, text in lists.items()}


def imported(path: Path) -> Iterator[str]:
    """The top-level names of all modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_base_install_is_what_check_needs():
    assert declared()["base"] == {"pydantic", "pyyaml"}


def test_every_import_of_the_package_is_declared():
    asked = set().union(*(names for key, names in declared().items() if key != "dev"))
    distributions = packages_distributions()
    for path in sorted((ROOT / "archbuilder").rglob("*.py")):
        for module in set(imported(path)) - sys.stdlib_module_names - {"archbuilder"}:
            names = {normalized(name) for name in distributions.get(module, [module])}
            assert {PINNED_BY.get(name, name) for name in names} & asked, (
                f"{path.relative_to(ROOT)} imports {module}, which setup.cfg does not ask for"
            )


def test_every_folder_of_modules_is_a_package():
    """`find:` leaves a folder without __init__.py out of a wheel, while an editable install still has it."""
    folders = {path.parent for path in (ROOT / "archbuilder").rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_file_of_the_package_goes_into_a_wheel():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    package = ROOT / "archbuilder"
    patterns = config["options.package_data"]["archbuilder"].split()
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    files = {path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    left_out = [path.relative_to(package) for path in sorted(files - packed)]
    assert [path for path in left_out if not any(part.startswith(".") for part in path.parts)] == []  # caches of tools


def test_one_version_is_said_everywhere():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {cited["version"], newest and newest[1]} == {__version__}


def test_every_requirement_has_a_tested_version():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {normalized(line) for line in lines if re.match(r"[\w.-]+==", line)}
    asked = set().union(*declared().values()) - {"archbuilder"}
    assert asked <= pinned


README = """
<!-- command: train -->
```bash
echo the train command ran; exit 1
```

<!-- command: test -->

```bash
{command}
```
"""
# A stand-in for the README's own command: an environment of empty tools, and a closing line like pytest's.
INSTALL = "mkdir -p .venv/bin && for t in ruff mypy lint-imports; do ln -sf /bin/true .venv/bin/$t; done"
CLOSING = "===== 3 passed in 0.10s ====="
PASS = f"{INSTALL} && echo {CLOSING}"


def ci(folder: Path, readme: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/run in a folder that has nothing but it and a README."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    environ = {key: value for key, value in os.environ.items() if key != "CI"} | environ
    return subprocess.run(["bash", ".ci/run"], cwd=folder, env=environ, capture_output=True, text=True)


needs_bash = pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="CI is a bash script")


@needs_bash
def test_ci_runs_the_command_of_the_readme(tmp_path: Path):
    done = ci(tmp_path, README.format(command=PASS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"$ {PASS}\n" in done.stdout
    assert "the train command ran" not in done.stdout
    assert CLOSING in done.stdout.splitlines()[-2:]


@needs_bash
@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (f"{PASS} && exit 1", "the README's test command"),
        (f"{INSTALL} && exit 5", "the README's test command"),
        (f"{INSTALL} && echo ===== no tests ran in 0.01s =====", "no test passed"),
        (f"{PASS} && ln -sf /bin/false .venv/bin/mypy", "mypy"),
        (f"{PASS} && rm .venv/bin/ruff", "ruff format --check"),
    ],
)
def test_ci_fails_with_what_failed(tmp_path: Path, command: str, reason: str):
    done = ci(tmp_path, README.format(command=command))
    assert done.returncode == 1
    assert f"FAILED: {reason}" in done.stdout


@needs_bash
@pytest.mark.parametrize(
    "readme",
    [
        "# no command at all",
        README.format(command=""),
        README.format(command="true\ntrue"),
        README.replace("```bash", "```").format(command=PASS),
        README.format(command=PASS) * 2,
        README.format(command=PASS).rstrip("`\n"),
    ],
    ids=["missing", "empty", "two lines", "not bash", "twice", "unclosed"],
)
def test_ci_refuses_a_readme_without_one_test_command(tmp_path: Path, readme: str):
    done = ci(tmp_path, readme)
    assert done.returncode == 1
    assert "README.md: <!-- command: test --> must occur once" in done.stderr


@needs_bash
@pytest.mark.parametrize(("environ", "kept"), [({}, True), ({"CI": "true"}, False)])
def test_only_ci_removes_an_environment(tmp_path: Path, environ: dict[str, str], kept: bool):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "mine").touch()
    assert ci(tmp_path, README.format(command=PASS), **environ).returncode == 0
    assert (tmp_path / ".venv" / "mine").exists() == kept
