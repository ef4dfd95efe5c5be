"""The template of a classroom: its workflow's own commands, on its starter and on a run of it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from archbuilder.cli import main
from archbuilder.training import train

TEMPLATE = Path(__file__).parent.parent / "examples" / "classroom"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = Path(shutil.copytree(TEMPLATE, tmp_path / "classroom"))
    monkeypatch.chdir(copy)
    return copy


def grade(repository: Path) -> dict[str, list[str]]:
    """Each graded step of the workflow: its name, and the words of its command, with what * stands for."""
    workflow = yaml.safe_load((repository / ".github" / "workflows" / "grade.yml").read_text())
    steps = [step for step in workflow["jobs"]["grade"]["steps"] if step.get("name")]
    return {step["name"]: _expanded(shlex.split(step["run"])[1:], repository) for step in steps}


def _expanded(words: list[str], folder: Path) -> list[str]:
    return [each for word in words for each in (map(str, folder.glob(word)) if "*" in word else [word])]


def test_the_starter_keeps_the_rules_and_a_run_is_held_to_the_goal(
    repository: Path, capsys: pytest.CaptureFixture[str]
):
    run = train("network.yaml", overrides=["train.epochs=1"], device="cpu", threads=1, report=False).path
    for checkpoint in (*run.glob("*.pt"), *run.glob("*.safetensors")):
        checkpoint.unlink()  # .gitignore leaves them out
    steps = grade(repository)
    assert list(steps) == ["the network", "its runs"]
    assert main(steps["the network"]) == 0
    capsys.readouterr()
    assert main(steps["its runs"]) == 1
    assert "AB543 digits: test accuracy >= 95%25 after the last epoch is missed" in capsys.readouterr().out


def test_a_comment_does_not_defeat_the_pack(repository: Path):
    file = repository / "network.yaml"
    text = file.read_text().replace("rules: ./assignment.yaml\n", "").replace("conv: 12", "conv: 90")
    file.write_text(text.replace("network:\n", "network:  # archbuilder: ignore AB514\n"))
    assert main(grade(repository)["the network"]) == 1
