"""archbuilder compare --against REF: files as git had them, and what became of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archbuilder.cli import main
from archbuilder.reporting import against

NET = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
vars: {width: 8}
network:
  - conv: width
  - strided: {out: 2 * width}
  - gap
  - classifier
limits: {params: "< 2k"}
train: {epochs: 3}
"""
Files = dict[str, dict[str, Any]]


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=me", "-c", "user.email=me@localhost", *words], check=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, the current folder, with one commit on main."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "repository"
    (folder / "nets").mkdir(parents=True)
    monkeypatch.chdir(folder)
    for name in ("changed", "gone", "moved", "same"):
        Path(f"nets/{name}.yaml").write_text(NET)
    Path("nets/gone.yaml").write_text("archbuilder: 1\ninput: [1, 8, 8]\nnetwork: [{conv: 4}, gap]\n")
    Path("nets/moved.yaml").write_text(NET.replace("classes: 10", "classes: 100"))
    Path("nets/variant.yaml").write_text("extends: changed.yaml\nvars: {width: 4}\n")
    Path("nets/ruled.yaml").write_text(f"{NET}rules: pack.yaml\n")
    Path("nets/pack.yaml").write_text("archbuilder_rules: 1\nname: ours\nrules: [gap]\n")
    Path("compose.yaml").write_text("services: {}\n")
    git("init", "-q", "-b", "main", ".")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def compared(capsys: pytest.CaptureFixture[str]) -> Callable[..., Files]:
    """compared(*arguments) -> what differs from main, by its path."""

    def run(*arguments: str, status: int = 0) -> Files:
        assert main(["compare", "--against", "main", *arguments, "--format", "json"]) == status
        return {file["file"]: file for file in json.loads(capsys.readouterr().out)["files"]}

    return run


def change() -> None:
    Path("nets/changed.yaml").write_text(NET.replace("width: 8", "width: 16").replace("epochs: 3", "epochs: 5"))
    git("rm", "-q", "nets/gone.yaml")
    git("mv", "nets/moved.yaml", "nets/there.yaml")
    Path("nets/new.yaml").write_text(NET.replace("2 * width", "3 * width").replace("- conv", "- grouped"))
    Path("nets/pack.yaml").write_text("archbuilder_rules: 1\nname: ours\nrules: [{without: conv}]\n")


def test_every_kind_of_change(repository: Path, compared: Callable[..., Files]):
    assert compared() == {}
    change()
    found = compared(status=1)  # grouped asks for a field that new.yaml lacks
    assert {file: each["kind"] for file, each in found.items()} == {
        "nets/changed.yaml": "changed",
        "nets/gone.yaml": "deleted",
        "nets/new.yaml": "new",
        "nets/ruled.yaml": "changed",  # by its pack
        "nets/there.yaml": "renamed",
        "nets/variant.yaml": "changed",  # by its base
    }
    changed, variant, ruled = (found[f"nets/{name}.yaml"] for name in ("changed", "variant", "ruled"))
    assert (changed["before"]["totals"]["params"], changed["after"]["totals"]["params"]) == params(8, 16)
    assert changed["settings"] == [
        {"name": "vars.width", "was": "8", "is": "16"},
        {"name": "train.epochs", "was": "3", "is": "5"},
    ]
    assert [each["after"]["path"] for each in changed["changes"]] == ["conv", "strided", "classifier"]
    assert variant["settings"] == [{"name": "train.epochs", "was": "3", "is": "5"}] and variant["changes"] == []
    assert [each["rules"][0]["rule"] for each in (ruled["before"], ruled["after"])] == ["gap", "no conv"]
    assert found["nets/there.yaml"]["was"] == "nets/moved.yaml"


def params(*widths: int) -> tuple[int, ...]:
    """By hand: two convs of 3x3 with their norms, a linear layer."""
    return tuple(27 * w + 2 * w + 18 * w * w + 4 * w + 20 * w + 10 for w in widths)


def test_nothing_in_the_work_tree_changes_and_no_configured_program_runs(
    repository: Path, compared: Callable[..., Files]
):
    evil = repository.parent / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {repository.parent}/ran\ncat\n")
    evil.chmod(0o755)
    Path(".gitattributes").write_text("*.yaml filter=evil diff=evil\n")
    for key in ("core.fsmonitor", "core.pager", "filter.evil.clean", "filter.evil.smudge", "diff.evil.textconv"):
        git("config", key, str(evil))
    git("config", "diff.external", str(evil))
    change_only = Path("nets/changed.yaml")
    change_only.write_text(change_only.read_text() + "# more\n")
    before = state(repository)
    assert list(compared()) == ["nets/changed.yaml", "nets/variant.yaml"]
    assert state(repository) == before and not (repository.parent / "ran").exists()


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_outside_of_the_repository_is_read(repository: Path, compared: Callable[..., Files]):
    (repository.parent / "secret.yaml").write_text(NET)
    links = {"nets/linked.yaml": "../../secret.yaml", "nets/inside.yaml": "same.yaml"}
    for link, target in links.items():
        os.symlink(target, link)
    Path("nets/up.yaml").write_text("extends: ../../secret.yaml\nname: up\n")
    Path("nets/absolute.yaml").write_text(f"extends: {repository.parent}/secret.yaml\nname: absolute\n")
    git("add", ".")
    git("commit", "-q", "-m", "links")
    for path in links:
        os.remove(path)
    for name in ("up", "absolute"):
        Path(f"nets/{name}.yaml").write_text(Path(f"nets/{name}.yaml").read_text() + "classes: 10\n")
    found = compared("nets", *links, status=1)
    assert found["nets/inside.yaml"]["before"]["ok"] and found["nets/inside.yaml"]["kind"] == "deleted"
    assert (
        "a link to a file outside of the repository" in found["nets/linked.yaml"]["before"]["diagnostics"][0]["message"]
    )
    for name in ("up", "absolute"):
        for side in ("before", "after"):
            (d,) = found[f"nets/{name}.yaml"][side]["diagnostics"]
            assert d["code"] == "AB009" and "is outside of the repository" in d["message"]


def test_paths_count_from_the_current_folder(
    repository: Path, compared: Callable[..., Files], monkeypatch: pytest.MonkeyPatch
):
    change()
    Path("pack.yaml").write_text("archbuilder_rules: 1\nname: mine\nrules: [gap]\n")
    monkeypatch.chdir("nets")
    found = compared("changed.yaml", "--rules", "./../pack.yaml")
    assert list(found) == ["changed.yaml"]
    for side in ("before", "after"):  # the pack of an option is that of now, on both sides
        assert [(rule["pack"], rule["ok"]) for rule in found["changed.yaml"][side]["rules"]] == [("mine", True)]
    assert list(compared("../nets/gone.yaml")) == ["gone.yaml"]
    Path("../above.yaml").write_text(NET)
    everything = ["changed.yaml", "gone.yaml", "new.yaml", "ruled.yaml", "there.yaml", "variant.yaml"]
    assert sorted(compared(status=1)) == everything
    assert sorted(compared("..", status=1)) == ["../above.yaml", *everything]


def test_what_git_ignores_and_runs_are_left_out(repository: Path, compared: Callable[..., Files]):
    for folder in ("scratch", "runs/net/first"):
        Path(folder).mkdir(parents=True)
        Path(folder, "architecture.yaml").write_text(NET)
    Path("runs/net/first/environment.json").write_text("{}")
    Path(".gitignore").write_text("scratch\n")
    assert compared() == {}
    git("add", ".")
    git("commit", "-q", "-m", "runs")
    assert compared() == {}
    assert list(compared("scratch/architecture.yaml")) == ["scratch/architecture.yaml"]  # named, it counts


def test_text_says_what_became_of_limits(repository: Path, capsys: pytest.CaptureFixture[str]):
    change()
    assert main(["compare", "--against", "main"]) == 1
    text = capsys.readouterr().out
    assert re.match(
        r"architectures against main \([0-9a-f]{10}\): 3 changed, 1 new, 1 renamed, 1 deleted, 1 the sa", text
    )
    assert re.search(r"nets/changed.yaml +changed +1,586 > 5,466 \(\+3,880\) .* 5 +1 newly missed\n", text)
    assert "limits.params: ok > missed by 3,466" in text and "nets/moved.yaml > nets/there.yaml" in text
    assert "rules.ours.gap: ok > none" in text and "rules.ours.no conv: none > missed" in text
    Path("nets/same.yaml").write_text(NET.replace('limits: {params: "< 2k"}\n', ""))
    assert main(["compare", "--against", "main", "nets/same.yaml"]) == 0
    assert "1 no longer asked for" in capsys.readouterr().out
    Path("nets/same.yaml").write_text(NET + 'goals: {accuracy: ">= 90%"}\n')
    assert main(["compare", "--against", "main", "nets/same.yaml"]) == 0
    assert "1 newly asked for" in capsys.readouterr().out


def test_what_is_newly_asked_for_and_what_cannot_be_read(repository: Path, compared: Callable[..., Files]):
    Path("nets/same.yaml").write_text(NET + 'goals: {accuracy: ">= 90%"}\n')
    Path("nets/changed.yaml").write_text("archbuilder: [\n")
    files = compared(status=1)
    assert [goal["state"] for goal in files["nets/same.yaml"]["after"]["goals"]] == ["after training"]
    assert files["nets/changed.yaml"]["settings"] == []  # nothing is known of them, so nothing was removed


def test_no_name_becomes_markup(repository: Path, capsys: pytest.CaptureFixture[str]):
    hostile = "nets/a|b``@everyone <img src=x> [l](http:x)#1 *b* <!--.yaml"
    Path(hostile).write_text(NET + "nmae: '@everyone <b>'\n")
    assert main(["compare", "--against", "main", "--format", "markdown"]) == 1
    out = capsys.readouterr().out
    plain = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", out)  # without its code
    assert "everyone" in out and not re.search(r"everyone|img|http|<!--|\*b\*", plain)
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows[:4]} == {7}


def test_a_comment_is_never_too_long(repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any):
    change()
    monkeypatch.setattr(against, "MAX_TEXT", 1_200)
    assert main(["compare", "--against", "main", "--format", "markdown"]) == 1
    out = capsys.readouterr().out
    assert len(out) < 1_500 and re.search(r"The changes of \d more are too long for a comment", out)
    monkeypatch.setattr(against, "MAX_TEXT", 300)
    assert main(["compare", "--against", "main", "--format", "markdown"]) == 1
    assert re.search(r"\nand \d more\n", capsys.readouterr().out)


def diagnostic(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 2
    (message, hint) = capsys.readouterr().err.splitlines()
    assert hint.startswith("  hint: ")
    return message


def test_what_is_no_revision(repository: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("nope", "HEAD~9", "", "--output=x", "main:nets", "a\0b", "main..HEAD"):
        assert ": AB951 git knows no revision" in diagnostic(capsys, f"--against={name}")
    assert diagnostic(capsys, "--against", "main", "nets/none.yaml").startswith("nets/none.yaml: AB001 there is no")
    assert diagnostic(capsys, "--against", "main", "..").startswith("..: AB001 the file is outside of the repository")
    assert ": AB942 " in diagnostic(capsys, "--against", "main", "--format", "csv")
    assert ": AB952 at least two" in diagnostic(capsys, "nets/same.yaml")


def test_a_shallow_clone_and_no_repository(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    git("commit", "-q", "--allow-empty", "-m", "second")
    git("clone", "-q", "--depth", "1", f"file://{repository}", "../shallow")
    monkeypatch.chdir("../shallow")
    assert "this clone is shallow" in diagnostic(capsys, "--against", "HEAD~1")
    monkeypatch.chdir("..")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent.parent))
    assert "AB950 the current folder is not in the work tree" in diagnostic(capsys, "--against", "main")
    git("init", "-q", "-b", "main", "empty")
    monkeypatch.chdir("empty")
    assert "there is no commit yet" in diagnostic(capsys, "--against", "main")
    monkeypatch.setenv("PATH", "")
    assert "AB950 git is not installed" in diagnostic(capsys, "--against", "main")
