"""The pre-commit hook and docs/howto/ci.md: what they say is valid, and what they run works."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from archbuilder.cli import main
from archbuilder.pipeline import check

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "howto" / "ci.md").read_text(encoding="utf-8")
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

# https://pre-commit.com/#creating-new-hooks
KEYS = set(
    "id name entry language files exclude types types_or exclude_types always_run fail_fast verbose pass_filenames "
    "require_serial description language_version minimum_pre_commit_version args stages".split()
)


def documents() -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def workflows() -> list[Any]:
    return [found for found in documents() if "jobs" in found]


def steps() -> list[Any]:
    return [step for found in workflows() for job in found["jobs"].values() for step in job["steps"]]


def commands() -> list[str]:
    """Every archbuilder command of the page that needs no repository."""
    runs = [step["run"] for step in steps() if "--against" not in step.get("run", "--against")]
    typed = [line for text in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in text.splitlines()]
    return [line.partition(" #")[0].strip() for line in [*runs, *typed] if line.startswith("archbuilder ")]


def test_the_hook_has_what_pre_commit_asks_for():
    assert {"id", "name", "entry", "language"} <= HOOK.keys() <= KEYS
    assert (HOOK["id"], HOOK["language"], HOOK["types"]) == ("archbuilder-check", "python", ["yaml"])


def test_the_hook_takes_networks_wherever_a_folder_of_them_is():
    files = re.compile(HOOK["files"])
    assert all(files.search(str(path.relative_to(ROOT))) for path in (ROOT / "architectures").rglob("*.yaml"))
    assert files.search("models/architectures/net.yml")
    assert not any(map(files.search, (".github/workflows/ci.yaml", "architectures.yaml", "my_architectures/net.yaml")))


def test_the_hook_runs_the_program_that_is_installed(capsys: pytest.CaptureFixture[str], monkeypatch: Any):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    program, *words = shlex.split(HOOK["entry"])
    assert f"{program} = archbuilder.cli:entry" in config["options.entry_points"]["console_scripts"]
    monkeypatch.chdir(ROOT)
    assert main([*words, "architectures/quickstart.yaml", "architectures/c1c2c3c40.yaml"]) == 0
    assert main([*words, "examples/six_lines.yaml"]) == 1
    assert "examples/six_lines.yaml:4:28: AB503 " in capsys.readouterr().out


def test_the_hook_that_the_page_takes_is_this_one():
    (config,) = (found for found in documents() if "repos" in found)
    (repository,) = config["repos"]
    (hook,) = repository["hooks"]
    assert hook["id"] == HOOK["id"]
    assert main([*shlex.split(HOOK["entry"])[1:], *hook["args"], str(ROOT / "architectures" / "c1c2c3c40.yaml")]) == 0


def test_workflows_install_the_base_and_check():
    does = ["check architectures --format ", "check architectures --format ", "compare --against "]
    for found, first in zip(workflows(), does, strict=True):
        (job,) = found["jobs"].values()
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert runs[0] == 'pip install "archbuilder @ git+https://github.com/OWNER/REPOSITORY"'  # no extra: no torch
        assert runs[1].startswith(f"archbuilder {first}")


def test_the_comment_of_a_pull_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The step that makes it runs as it stands, in a clone as the workflow has one."""
    (command,) = (line for line in (step.get("run", "") for step in steps()) if "--against" in line)
    monkeypatch.setenv("HOME", str(tmp_path))
    script = f"""
        git init -q -b main base && cd base && mkdir architectures
        cp {ROOT}/architectures/quickstart.yaml architectures/
        git add . && git -c user.name=me -c user.email=me@localhost commit -q -m net && cd ..
        git clone -q base head && cd head && sed -i.old s/16/24/ architectures/quickstart.yaml
        archbuilder() {{ PYTHONPATH={ROOT} {sys.executable} -m archbuilder "$@"; }}
        GITHUB_BASE_REF=main
        {command}
    """
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True)
    assert "| `architectures/quickstart.yaml` | changed |" in (tmp_path / "changes.md").read_text()


@pytest.mark.parametrize("command", commands())
def test_what_the_page_runs_works(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    (tmp_path / "architectures").mkdir()
    for name, status in (("c1c2c3c40", 0), ("known/resnet20", 0), ("seeds/seed001", 1)):
        (tmp_path / "architectures" / "net.yaml").write_text((ROOT / "architectures" / f"{name}.yaml").read_text())
        monkeypatch.chdir(tmp_path)
        assert main(shlex.split(command.partition("||")[0])[1:]) == status
    assert capsys.readouterr().out or (tmp_path / "archbuilder.sarif").exists()


def test_the_example_of_a_comment_is_clean():
    (text,) = re.findall(r"```yaml\n(archbuilder: 1.*?)```", PAGE, re.DOTALL)
    assert check(text).diagnostics == ()
    assert [d.code.id for d in check(re.sub("  #.*", "", text)).diagnostics] == ["AB403"]
