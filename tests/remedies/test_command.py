"""archbuilder check --suggest and --fix, as a user sees them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from archbuilder.cli import main
from archbuilder.pipeline import check
from archbuilder.remedies.requirements import Goals
from tests.remedies.samples import HOPELESS, ROOT, SIX_LINES

SIX = SIX_LINES.read_text()
FIXED = SIX.replace("{conv: 64}", "{dilated: {out: 64, dilation: 3}}")


class Result(NamedTuple):
    status: int
    out: str
    err: str


Program = Callable[..., Result]


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """program("--suggest", "six.yaml") in a folder with that file and a hopeless one."""
    monkeypatch.chdir(tmp_path)
    Path("six.yaml").write_text(SIX)
    Path("hopeless.yaml").write_text(HOPELESS["no room"])

    def run(*arguments: str, stdin: str | None = None) -> Result:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            status = main(["check", *arguments])
        except SystemExit as stop:  # argparse's way out
            status = int(stop.code or 0)
        return Result(status, *capsys.readouterr())

    return run


def test_proposals_are_numbered_with_their_effect_and_their_diff(program: Program):
    result = program("six.yaml", "-q", "--suggest")
    assert result.status == 1 and not result.err  # the file is as it was
    assert "six.yaml: 5 ways to satisfy every limit and rule, the cheapest first (" in result.out
    first = result.out.partition("\n1. ")[2].partition("\n\n2. ")[0]
    assert first.splitlines() == [
        "dilate conv2 (line 6): dilation 3",
        "   parameters 156,586   MACs 26.2M   receptive field 29 -> 45",
        "   @@ -5,2 +5,2 @@",
        "    network: [{conv: 32}, {strided: 64}, {depthwise_separable: 96}, {dilated: 64},",
        "   -          {strided: 64}, {conv: 64}, gap, classifier]",
        "   +          {strided: 64}, {dilated: {out: 64, dilation: 3}}, gap, classifier]",
    ]
    assert "parameters 156,586 -> 193,578 (+24%)   MACs 26.2M -> 25.0M (-5%)" in result.out
    assert result.out.endswith("--fix applies the first proposal, --fix N proposal N\n")
    assert Path("six.yaml").read_text() == SIX


def test_nothing_is_suggested_where_nothing_is_wrong(program: Program):
    Path("six.yaml").write_text(FIXED)
    assert program("six.yaml", "--suggest").out == program("six.yaml").out


def test_what_cannot_be_satisfied(program: Program):
    result = program("hopeless.yaml", "-q", "--suggest")
    assert result.status == 1
    assert "hopeless.yaml: no edits were found that satisfy every limit and rule (" in result.out
    assert "\nnearest: " in result.out and "\n   still AB503 params is " in result.out
    assert "--fix applies" not in result.out


def test_fix_changes_the_file_and_says_what_it_did(program: Program):
    result = program("six.yaml", "-q", "--fix")
    assert result.status == 0 and Path("six.yaml").read_text() == FIXED
    assert result.out.startswith("six.yaml: dilate conv2 (line 6): dilation 3\n")
    assert result.out.endswith("1 file checked, no problems\n")
    again = program("six.yaml", "-q", "--fix")
    assert again.status == 0 and Path("six.yaml").read_text() == FIXED
    assert again.out == program("six.yaml", "-q").out


@pytest.mark.parametrize("words", [["--fix", "six.yaml"], ["--fix", "1", "six.yaml"], ["six.yaml", "--fix", "1"]])
def test_the_file_may_stand_before_or_after(words: list[str], program: Program):
    assert program(*words, "-q").status == 0 and Path("six.yaml").read_text() == FIXED


def test_another_proposal_and_several_files(program: Program):
    Path("other.yaml").write_text(SIX)
    assert program("--fix", "2", "six.yaml", "other.yaml").status == 0
    assert (
        Path("six.yaml").read_text()
        == Path("other.yaml").read_text()
        == SIX.replace("{dilated: 64},", "{dilated: 64}, {strided: 64},")
    )


def test_no_file_is_touched_that_would_not_check_clean(program: Program):
    result = program("hopeless.yaml", "-q", "--fix")
    assert result.status == 1 and Path("hopeless.yaml").read_text() == HOPELESS["no room"]
    assert "no edits were found" in result.out and "AB503" in result.out


def test_a_number_that_there_is_not_changes_no_file(program: Program):
    result = program("--fix", "9", "six.yaml", "hopeless.yaml")
    assert result.status == 2 and "AB943 there are 5 proposals for this file, but no number 9" in result.err
    assert Path("six.yaml").read_text() == SIX


def test_standard_input_is_a_filter(program: Program):
    result = program("--fix", "-", stdin=SIX)
    assert result.status == 0 and result.out == FIXED and "dilate conv2" in result.err
    hopeless = program("--fix", "-", stdin=HOPELESS["no room"])
    assert hopeless.status == 1 and hopeless.out == HOPELESS["no room"] and "no edits were found" in hopeless.err
    clean = program("--fix", "-", stdin=FIXED)
    assert clean == (0, FIXED, "")


def test_mistakes_are_mended_too(program: Program):
    Path("six.yaml").write_text(SIX.replace("{conv: 64}", "{dilatd: {out:64, dilation: 3}}") + "# typed in haste")
    result = program("--fix", "six.yaml", "-q")
    assert result.status == 0 and Path("six.yaml").read_text() == FIXED + "# typed in haste"


def test_more_warnings_than_are_shown_are_mended_and_none_of_them_is_new(program: Program):
    """This includes the warnings beyond the hundredth, which are shown when others are fixed."""
    padded = ", ".join(["{pointwise: {out: 8, padding: 1}}"] * 150)
    head = "archbuilder: 1\ninput: [3, 8, 8]\nclasses: 10\n"
    Path("many.yaml").write_text(f"{head}network: [{padded}, {{conv: {{out: 8, groups: 4}}}}, gap, classifier]\n")
    assert "new warning" not in program("many.yaml", "-q", "--suggest").out
    result = program("many.yaml", "-q", "--fix", "--strict")
    assert result.status == 0 and result.out.endswith("1 file checked, no problems\n")
    assert "new warning" not in result.out and "padding: 1" not in Path("many.yaml").read_text()


def test_rules_of_the_command_line_count(program: Program):
    result = program("six.yaml", "--rules", "mcu", "--fix", "-q")
    assert result.status == 0 and check("six.yaml", rules=["mcu"]).ok


def test_json_has_the_proposals(program: Program):
    (file,) = json.loads(program("six.yaml", "--format", "json", "--suggest").out)["files"]
    found = file["suggestions"]
    assert len(found["proposals"]) == 5 and found["nearest"] is None and found["checks"] > 10
    first = found["proposals"][0]
    assert first["after"] == {"params": 156586, "macs": 26198656, "receptive_field": [45, 45]}
    assert first["edits"][0]["line"] == 6 and first["diff"].startswith("--- six.yaml\n+++ six.yaml\n@@")
    (file,) = json.loads(program("hopeless.yaml", "--format", "json", "--suggest").out)["files"]
    assert file["suggestions"]["proposals"] == [] and file["suggestions"]["nearest"]["missing"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--suggest", "--fix"], "argument --fix: not allowed with argument --suggest"),
        (["--suggest", "--emit", "facts"], "--suggest: AB942 --suggest works only with"),
        (["--emit", "graph", "--format", "json"], "--emit: AB942 --emit prints a stage as text"),
        (["--emit", "graph", "--format", "concise", "--suggest"], "--emit: AB942 --emit prints a stage as text"),
        (["--suggest", "--format", "sarif"], "--suggest: AB942 --suggest works only with"),
        (["--fix", "--format", "json"], "--fix: AB942 --fix works only with"),
        (["--fix", "--set", "classes=5"], "--fix: AB942 --fix edits the file itself"),
        (["--fix", "-"], "--fix: AB942 --fix takes standard input or files"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], said: str, program: Program):
    result = program("six.yaml", *words)
    assert result.status == 2 and not result.out and said in result.err
    assert Path("six.yaml").read_text() == SIX


def test_a_file_that_cannot_be_read(program: Program):
    assert program("missing.yaml", "--suggest").status == 2
    assert program("missing.yaml", "--fix").status == 2


def test_a_check_pays_nothing_for_it_and_a_search_needs_no_torch(tmp_path: Path):
    (tmp_path / "six.yaml").write_text(SIX)
    code = (
        "import sys; from archbuilder.cli import main; main(['check', 'six.yaml', *sys.argv[1:]]);"
        "heavy = {'torch', 'numpy', 'rich', 'archbuilder.remedies'} & set(sys.modules); print(*sorted(heavy))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for option, heavy in ([], ""), (["--suggest"], "archbuilder.remedies"):
        command = [sys.executable, "-c", code, *option]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert result.stdout.splitlines()[-1] == heavy, result.stderr


def test_fix_says_that_nothing_was_written(program: Program):
    before = Path("hopeless.yaml").read_text()
    result = program("hopeless.yaml", "-q", "--fix")
    assert result.status == 1 and "hopeless.yaml: nothing was written\n" in result.out
    assert Path("hopeless.yaml").read_text() == before
    assert "nothing was written" not in program("six.yaml", "-q", "--fix").out


def test_a_limit_stays_a_goal_where_only_a_warning_about_it_is_ignored():
    report = check(
        'archbuilder: 1\ninput: [3, 16, 16]\nlimits:\n  receptive_field: "> 5"  # archbuilder: ignore AB504\n'
        "network: [{conv: 8}, {upsample: {factor: 2, mode: bilinear}}, {conv: 8}]\n"
    )
    assert [d.code.id for d in report.ignored] == ["AB504"]
    assert [limit.name for limit in Goals.of(report).limits] == ["receptive_field"]


def test_the_bounds_of_a_pack_are_those_that_the_check_has_read(program: Program):
    Path("pack.yaml").write_text(
        "archbuilder_rules: 1\nname: mine\ntitle: Few\nrules: [{limit: {of: params, bound: '< 9k'}}]\n"
    )
    report = check("six.yaml", rules=("pack.yaml",))
    Path("pack.yaml").unlink()
    assert [limit.text for limit in Goals.of(report).limits if limit.name == "params"][-1:] == ["< 9k"]


def test_a_limit_that_is_ignored_is_no_goal(program: Program):
    Path("six.yaml").write_text(
        SIX.replace("limits: {", "limits:\n  ").replace(
            ', receptive_field: "> 44"}', '\n  receptive_field: "> 44"  # archbuilder: ignore AB503\n  layers: "< 17"'
        )
    )
    assert program("six.yaml", "-q").out.count(": AB503 ") == 1
    shown = program("six.yaml", "-q", "--suggest").out
    assert "ways to satisfy every limit and rule" in shown or "a way to satisfy every limit and rule" in shown
    assert "receptive field 29 -> 45" not in shown
