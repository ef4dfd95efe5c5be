"""archbuilder check, in this process: exit status, files and folders, options."""

from __future__ import annotations

import gc
import io
import json
import os
import weakref
from pathlib import Path
from typing import Any

import pytest

from archbuilder import __version__
from archbuilder.analysis.facts import Facts
from archbuilder.cli import _COMMANDS, GROUPS, main
from archbuilder.pipeline import Report, check
from tests.cli.samples import GOOD, ROOT

# arguments -> exit status
STATUS = {
    "good.yaml": 0,
    "warned.yaml": 0,
    "warned.yaml --strict": 1,
    "good.yaml --strict": 0,
    "bad.yaml": 1,
    "missed.yaml": 1,
    "syntax.yaml": 1,
    "missing.yaml": 2,
    "good.yaml bad.yaml": 1,
    "bad.yaml good.yaml": 1,
    "good.yaml missing.yaml bad.yaml": 2,
    "missing.yaml good.yaml": 2,
    "good.yaml good.yaml": 0,
    "good.yaml --set classes=x": 2,
    "good.yaml --set network.0.conv.groups=5": 2,
    "good.yaml --set limits.params=<10": 1,
    "good.yaml --rules nope": 2,
    "good.yaml --set classes": 2,
    "bad.yaml --set network.1=gap": 0,
    "good.yaml --set classes=3 --set name=other": 0,
    "missed.yaml --set limits={}": 0,
    "empty": 2,
    "no/such/folder": 2,
    "good.yaml --format xml": 2,
    "good.yaml --no-such-option": 2,
    "--format json": 2,
    "": 2,
}


@pytest.mark.parametrize("arguments", STATUS)
def test_exit_status(arguments: str, program: Any, files: Path):
    (files / "empty").mkdir()
    result = program("check", *arguments.split())
    assert result.status == STATUS[arguments]
    assert "Traceback" not in result.out + result.err


@pytest.mark.parametrize(
    "arguments", [words for words in STATUS if ".yaml" in words and "--format" not in words and "--no-" not in words]
)
def test_exit_status_does_not_depend_on_the_format(arguments: str, program: Any, files: Path):
    result = program("check", *arguments.split(), "--format", "json")
    assert result.status == STATUS[arguments]
    assert json.loads(result.out)["version"] == 1 and not result.err


def test_findings_are_on_standard_output_with_file_line_and_column(program: Any, files: Path):
    result = program("check", "bad.yaml", "missing.yaml")
    assert "bad.yaml:5:22: AB101 there is no block gapp" in result.out
    assert "missing.yaml: AB001 cannot be read: No such file or directory" in result.out
    assert result.out.endswith("2 files checked, 2 errors\n") and not result.err


def test_a_folder_is_every_yaml_file_in_it_and_below_but_in_hidden_folders(program: Any, tmp_path: Path):
    for name in ("b.yaml", "a.yml", "sub/c.yaml", ".hidden/d.yaml", "sub/.e.yaml", "f.yamll", "g.json", "h.yxml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "fifo.yaml")
    result = program("check", str(tmp_path), "--format", "json")
    names = [str(Path(file["file"]).relative_to(tmp_path)) for file in json.loads(result.out)["files"]]
    assert result.status == 0 and names == ["a.yml", "b.yaml", "sub/c.yaml"]


def test_a_hidden_folder_that_is_named_is_checked(program: Any, files: Path):
    (files / ".hidden").mkdir()
    (files / "good.yaml").rename(files / ".hidden" / "good.yaml")
    assert program("check", ".hidden").status == 0


def test_a_folder_without_yaml_hides_no_other_result(program: Any, files: Path):
    (files / "empty").mkdir()
    result = program("check", "empty", "good.yaml", "--format", "json")
    empty, good = json.loads(result.out)["files"]
    assert result.status == 2 and good["ok"]
    assert [d["code"] for d in empty["diagnostics"]] == ["AB001"] and "no .yaml file" in empty["diagnostics"][0][
        "message"
    ]


def test_standard_input(program: Any, files: Path, monkeypatch: pytest.MonkeyPatch):
    for name, status in (("good", 0), ("bad", 1)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((files / f"{name}.yaml").read_bytes())))
        result = program("check", "-")
        assert result.status == status and "<stdin>" in result.out


def test_an_empty_name_is_no_folder(program: Any, files: Path):
    assert program("check", "").status == 2


def test_quiet_and_verbose(program: Any, files: Path):
    quiet, normal, verbose = (
        len(program("check", "good.yaml", *option).out.splitlines()) for option in (["-q"], [], ["-v"])
    )
    assert quiet < normal < verbose
    assert program("check", "good.yaml", "-q", "-v").status == 2


@pytest.mark.parametrize("stage", ["document", "spec", "graph", "facts"])
def test_emit_shows_each_stage_and_survives_a_bad_file(stage: str, program: Any, files: Path):
    good = program("check", "good.yaml", "--emit", stage)
    assert good.status == 0 and "8" in good.out
    for name, status in (("bad", 1), ("syntax", 1), ("missing_", 2)):
        found = program("check", f"{name}.yaml", "--emit", stage)
        assert found.status == status and f"{name}.yaml" in found.err and "hint:" in found.err  # why there is no more


@pytest.mark.parametrize("form", ["text", "concise", "json", "github", "sarif"])
def test_a_base_in_which_something_is_found_names_the_file_that_was_checked(form: str, program: Any, files: Path):
    (files / "one.yaml").write_text("extends: missed.yaml\n")
    (files / "two.yaml").write_text("extends: missed.yaml\nname: two\n")
    out = program("check", "one.yaml", "two.yaml", "--format", form).out
    for name in ("one.yaml", "two.yaml"):
        assert f'"file": "{name}"' in out if form == "json" else f"(checked: {name})" in out
    assert "(checked:" not in program("check", "missed.yaml", "--format", form).out


@pytest.mark.parametrize("form", ["text", "concise", "json", "sarif", "summary", "csv"])
def test_many_files_are_never_all_in_memory(form: str, files: Path, monkeypatch: pytest.MonkeyPatch):
    """A report is gone when the next but one is made; --output-file is written piece by piece, too."""
    made: list[weakref.ref[Facts]] = []
    most = 0

    def watched(*arguments: Any) -> Report:
        nonlocal most
        gc.collect()
        most = max(most, sum(facts() is not None for facts in made))
        report = check(*arguments)
        made.append(weakref.ref(report.facts))
        return report

    for number in range(4):
        (files / "many").mkdir(exist_ok=True)
        (files / "many" / f"{number}.yaml").write_text(GOOD)
    monkeypatch.setattr("archbuilder.cli.check.check", watched)
    gc.freeze()  # what was there before need not be looked through each time
    assert main(["check", "many", "--format", form]) == 0
    assert main(["check", "many", "--format", form, "--output-file", "report"]) == 0
    assert len(made) == 8 and most <= 2


def test_the_programs_help_has_every_command_in_its_group_in_one_line(program: Any):
    result = program("--help")
    assert program() == result and result.status == 0 and not result.err
    lines = result.out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    shown = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(shown) == sorted(_COMMANDS) and len(shown) == len(set(shown))
    assert [line[:-1] for line in lines if line.endswith(":")] == list(GROUPS)


def test_help_and_version(program: Any):
    for words in (["--help"], ["check", "--help"]):
        result = program(*words)
        assert result.status == 0 and "usage: archbuilder" in result.out and not result.err
    assert "check" in program("--help").out
    assert program("--version").out == f"archbuilder {__version__}\n"


@pytest.mark.parametrize("words", [["chek"], ["-x"], ["__init__"], ["_options"], ["check"], [""]])
def test_bad_arguments(words: list[str], program: Any):
    result = program(*words)
    assert result.status == 2 and result.err.startswith("usage: archbuilder") and not result.out
    assert "Traceback" not in result.err


def test_shipped_files_are_clean(program: Any):
    result = program("check", str(ROOT / "architectures" / "c1c2c3c40.yaml"), "--strict")
    assert result.status == 0


MISTAKES = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
limits:
  receptive_feild: "> 44"
network:
  - conv: {out:16}
  - conv: {out: widht, kernal: 3}
  - stage:
      name: C1
      blocks:
        - relu6
        - strided: {out: 32, activation: rellu}
  - gap
  - linear
"""

READ = """\
net.yaml:5:3: AB502 there is no limit on receptive_feild
  4 | limits:
  5 |   receptive_feild: "> 44"
    |   ^^^^^^^^^^^^^^^
  hint: did you mean receptive_field?
net.yaml:7:12: AB101 there is no field out:16 here
  6 | network:
  7 |   - conv: {out:16}
    |            ^^^^^^
  hint: put a space after the colon: out: 16
net.yaml:8:17: AB103 out: 'widht' is not an integer: there is no variable widht
  7 |   - conv: {out:16}
  8 |   - conv: {out: widht, kernal: 3}
    |                 ^^^^^
  hint: the file has no vars: section
net.yaml:8:24: AB101 there is no field kernal here
  7 |   - conv: {out:16}
  8 |   - conv: {out: widht, kernal: 3}
    |                        ^^^^^^
  hint: did you mean kernel?
"""


def test_what_a_beginner_reads(program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(MISTAKES)
    shown = program("check", "net.yaml").out
    assert shown.startswith(READ)
    rest = [line for line in shown[len(READ) :].splitlines() if line.startswith("net.yaml")]
    assert [line.split(" ")[:2] for line in rest] == [
        ["net.yaml:12:11:", "AB101"],
        ["net.yaml:13:42:", "AB103"],
        ["net.yaml:15:5:", "AB102"],
    ]
    assert "hint: did you mean activation: relu6?" in shown
    assert shown.endswith("\n1 file checked, 7 errors\n")
