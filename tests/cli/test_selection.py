"""check --select, --ignore, --output-file, --format: which findings count, and where the report goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.samples import GOOD, MISSED

# the warning AB403, the missed limit AB503
BOTH = GOOD.replace("{conv: 8}", "{pointwise: {out: 8, padding: 1}}") + 'limits: {params: "< 10"}\n'

OWN = """\
from archbuilder.blocks import Block, register
from archbuilder.diagnostics import declare, declared

ODD = declared().get("ZZ997") or declare("ZZ997", "a code of the tests for selection", severity="warning")


@register
class Own(Block):
    def lower(self, g):
        g.report(ODD, "this is odd")
"""


@pytest.fixture
def codes(program: Any, files: Path) -> Any:
    """codes(*arguments) -> exit status, and the codes of what is found in a file with AB403 and AB503."""
    (files / "both.yaml").write_text(BOTH)

    def run(*arguments: str) -> tuple[int, list[str]]:
        result = program("check", "both.yaml", *arguments, "--format", "json")
        (file,) = json.loads(result.out)["files"]
        return result.status, [d["code"] for d in file["diagnostics"]]

    return run


SELECTIONS = {
    "": (1, ["AB403", "AB503"]),
    "--select AB403": (0, ["AB403"]),
    "--select AB4": (0, ["AB403"]),
    "--select AB4 --strict": (1, ["AB403"]),
    "--select AB402": (0, []),
    "--select AB4,AB5": (1, ["AB403", "AB503"]),
    "--select AB4 --select AB503": (1, ["AB403", "AB503"]),
    "--ignore AB503": (0, ["AB403"]),
    "--ignore AB5": (0, ["AB403"]),
    "--ignore ab5": (0, ["AB403"]),
    "--ignore AB4,AB503": (0, []),
    "--ignore AB403 --ignore AB503 --strict": (0, []),
    "--ignore AB": (0, []),
    "--select AB --ignore AB403": (1, ["AB503"]),
    "--select AB403 --ignore AB4": (0, ["AB403"]),  # the longer one counts
    "--select AB403 --ignore AB403": (0, []),
}


@pytest.mark.parametrize("options", SELECTIONS)
def test_what_counts(options: str, codes: Any):
    assert codes(*options.split()) == SELECTIONS[options]


MANY = GOOD.replace(
    "{conv: 8}", ", ".join(["{pointwise: {out: 8, padding: 1}}"] * 150 + ["{conv: {out: 8, groups: 4}}"])
)


@pytest.mark.parametrize("format", ["text", "concise", "json", "github", "sarif"])
def test_findings_past_the_hundredth_are_counted_in_every_format(format: str, program: Any, files: Path):
    (files / "many.yaml").write_text(MANY)
    found = program("check", "many.yaml", "--format", format)
    assert found.status == 0 and "at least 51 more warnings from here on: 100 are shown" in found.out


def test_all_warnings_are_counted_and_the_line_about_the_rest_is_none(program: Any, files: Path):
    (files / "many.yaml").write_text(MANY)
    assert program("check", "many.yaml", "-q").out.endswith("1 file checked, 151 warnings\n")
    problems = next(
        line for line in program("compare", "many.yaml", "good.yaml").out.splitlines() if "problems" in line
    )
    assert problems.split() == ["problems", "151", "warnings", "none"]


def test_what_is_selected_is_found_past_a_hundred_others(program: Any, files: Path):
    (files / "many.yaml").write_text(MANY)
    assert ": AB404 " in program("check", "many.yaml", "--select", "AB404", "--format", "concise").out
    left = program("check", "many.yaml", "--ignore", "AB403", "--strict", "--format", "concise")
    assert left.out.endswith("1 file checked, 1 warning, 150 ignored\n") and left.status == 1


@pytest.mark.parametrize("name", ["bad", "syntax", "missing"])
@pytest.mark.parametrize("options", ["--select AB4", "--ignore AB", "--select AB402 --ignore AB0,AB1,AB4"])
def test_a_file_that_could_not_be_checked_never_passes(name: str, options: str, program: Any, files: Path):
    plain = program("check", f"{name}.yaml")
    words = options.replace("AB0,AB1,", "").split()
    chosen = program("check", f"{name}.yaml", *words)
    assert chosen == plain and chosen.status > 0


@pytest.mark.parametrize(
    ("option", "message", "hint"),
    [
        ("--ignore AB4022", "--ignore AB4022: AB944 there is no code AB4022", "did you mean AB402?"),
        ("--select AB402,AB4X", "--select AB4X: AB944 there is no code AB4X", "did you mean AB"),
        ("--select E501", "--select E501: AB944 there is no code E501", "did you mean"),
        ("--ignore foo", "--ignore FOO: AB944 there is no code FOO", "archbuilder explain lists all codes"),
        (
            "--ignore AB101",
            "--ignore AB101: AB944 AB101 cannot be ignored: a file with this error is not analysed",
            "warnings",
        ),
        ("--ignore AB3", "--ignore AB3: AB944 AB3 cannot be ignored", "missed limits"),
        (
            "--ignore AB013",
            "--ignore AB013: AB944 AB013 cannot be ignored: it counts the warnings",
            "ignore the codes of",
        ),
        (
            "--select AB013",
            "--select AB013: AB944 AB013 cannot be selected: it counts the warnings",
            "select the codes of",
        ),
    ],
)
def test_a_code_that_makes_no_sense(option: str, message: str, hint: str, program: Any, files: Path):
    result = program("check", "good.yaml", *option.split())
    assert result.status == 2 and not result.out
    first, second = result.err.splitlines()
    assert first.startswith(message) and second.startswith("  hint: ") and hint in second


def test_every_bad_code_is_said(program: Any, files: Path):
    result = program("check", "good.yaml", "--select", "AX1,AB402", "--ignore", "AX2")
    assert result.status == 2 and result.err.count("AB944") == 2


def test_what_is_left_out_is_counted(program: Any, files: Path):
    (files / "both.yaml").write_text(BOTH)
    assert program("check", "both.yaml", "-q", "--ignore", "AB4").out.endswith("1 file checked, 1 error, 1 ignored\n")
    shown = program("check", "both.yaml", "-q", "--ignore", "AB").out
    assert "missed by" in shown and "MISSED" not in shown
    assert shown.endswith("\n\n1 file checked, no problems, 2 ignored\n")


def test_what_is_ignored_is_not_mended(program: Any, files: Path):
    (files / "both.yaml").write_text(BOTH)
    assert "nothing here" not in program("check", "both.yaml", "-q", "--suggest", "--ignore", "AB5").out
    result = program("check", "both.yaml", "-q", "--fix", "--ignore", "AB503")
    assert result.status == 0 and "padding: 0" in Path("both.yaml").read_text()


FORMATS = ["text", "concise", "json", "github", "sarif", "summary", "csv", "markdown"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["good", "bad", "missing", "warned"])
def test_a_file_gets_what_would_be_printed(format: str, name: str, program: Any, files: Path):
    printed = program("check", f"{name}.yaml", "--format", format)
    written = program("check", f"{name}.yaml", "--format", format, "--output-file", "report")
    assert written == (printed.status, "", "")
    assert Path("report").read_text() == printed.out
    assert sorted(os.listdir()) == sorted([*(f.name for f in files.glob("*.yaml")), "report"])


def test_a_report_that_cannot_be_written(program: Any, files: Path):
    (files / "folder").mkdir()
    for place in ("no/such/folder/report", "folder", "x" * 300, "a\0b"):
        result = program("check", "good.yaml", "--output-file", place)
        assert result.status == 2 and not result.out
        assert ": AB945 cannot be written: " in result.err and len(result.err.splitlines()) == 2
    assert os.listdir("folder") == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_an_old_report_stays_where_a_new_one_cannot_be_written(program: Any, files: Path):
    (files / "folder").mkdir()
    (files / "folder" / "report").write_text("old")
    (files / "folder").chmod(0o555)
    assert program("check", "good.yaml", "--output-file", "folder/report").status == 2
    assert (files / "folder" / "report").read_text() == "old"


def test_a_full_disk_leaves_the_old_report(program: Any, files: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    (files / "report").write_text("old")
    monkeypatch.setattr(os, "replace", full)
    result = program("check", "good.yaml", "--output-file", "report")
    assert (result.status, Path("report").read_text()) == (2, "old") and "No space left" in result.err
    assert not list(files.glob("report?*"))


@pytest.mark.parametrize("place", ["good.yaml", "./good.yaml", "link.yaml", "base.yaml"])
def test_a_report_never_takes_the_place_of_what_it_is_about(place: str, program: Any, files: Path):
    (files / "link.yaml").symlink_to("good.yaml")
    (files / "base.yaml").write_text(GOOD)
    (files / "variant.yaml").write_text("extends: base.yaml\nname: variant\n")
    for checked in ("good.yaml variant.yaml", "."):
        result = program("check", *checked.split(), "--output-file", place)
        assert result.status == 2 and "would overwrite a file that is checked" in result.err
    assert Path("good.yaml").read_text() == GOOD == Path("base.yaml").read_text()


def test_nor_of_a_rule_pack_or_of_a_block_of_ones_own(program: Any, files: Path):
    pack = "archbuilder_rules: 1\nname: mine\nrules: [gap]\n"
    (files / "packs").mkdir()
    (files / "packs" / "mine.yaml").write_text(pack)
    (files / "named.yaml").write_text(f"{GOOD}rules: packs/mine.yaml\n")
    (files / "own.py").write_text(OWN)
    for words in (
        "good.yaml --rules packs/mine.yaml --output-file packs/mine.yaml",
        "named.yaml --output-file packs/mine.yaml",
        "good.yaml --blocks own.py --output-file own.py",
    ):
        result = program("check", *words.split())
        assert result.status == 2 and "or that the check reads" in result.err
    assert (files / "packs" / "mine.yaml").read_text() == pack and (files / "own.py").read_text() == OWN


def test_codes_of_a_block_of_ones_own_count_like_others(program: Any, files: Path):
    (files / "own.py").write_text(OWN)
    (files / "odd.yaml").write_text(GOOD.replace("{conv: 8}", "{conv: 8}, own"))
    words = ("check", "odd.yaml", "--blocks", "own.py", "-q")
    assert "ZZ997 warning: this is odd" in program(*words).out
    assert program(*words, "--select", "ZZ", "--strict").status == 1
    assert program(*words, "--ignore", "ZZ997", "--strict").out.endswith("no problems, 1 ignored\n")


def test_a_report_into_a_pipe(program: Any, files: Path):
    assert program("check", "good.yaml", "--output-file", "/dev/null").status == 0


def test_the_table_goes_into_the_file_without_colours(program: Any, files: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in program("check", "bad.yaml").out
    program("check", "bad.yaml", "--output-file", "report")
    assert "\x1b[" not in Path("report").read_text()


def test_missed_by_and_at_the_bound(program: Any, files: Path):
    (files / "limits.yaml").write_text(MISSED.replace('"< 10"', '"< 1"'))
    params = json.loads(program("check", "limits.yaml", "--format", "json").out)["files"][0]["totals"]["params"]
    for bound, words in {params: "at the bound", params - 1: "missed by 1", params + 1: "1 left"}.items():
        (files / "limits.yaml").write_text(MISSED.replace('"< 10"', f'"< {bound}"'))
        assert f"params < {bound}: {params:,}, {words} " in program("check", "limits.yaml").out
        assert ("params at the bound" in program("compare", "limits.yaml", "good.yaml").out) == (bound == params)
