"""check --format summary, csv, markdown: many files as one table, whatever is wrong with them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from archbuilder.pipeline import check
from archbuilder.reporting.table import FIXED, _for_spreadsheets
from archbuilder.rules.limits import QUANTITIES
from tests.cli.samples import ROOT

PACK = """\
archbuilder_rules: 1
name: course
rules:
  - gap
  - without: {layers: max_pool, name: no_pooling}
  - image: {input: [1, 8, 8], classes: 10}
  - limit: {of: params, bound: "< 300"}
"""
RULES = ["gap", "no_pooling", "image", "params"]
LENIENT = "archbuilder_rules: 1\nname: course\nrules: [gap]\n"  # a student's own pack of that name

NET = """\
archbuilder: 1
input: [{channels}, 8, 8]
classes: 10
network:
  - conv: {width}
{pool}  - gap
  - classifier
limits:
  params: "< 10k"
"""
Expected = dict[str, Any]


def submission(width: int, channels: int = 1, pool: str = "") -> tuple[str, Expected]:
    """A network, and what the table is to say of it, by hand: a conv, its scale and shift, a linear layer."""
    params = 9 * channels * width + 2 * width + 10 * width + 10
    cells = {
        "status": "ok",
        "params": params,
        "trainable_params": params,
        "macs": 64 * 9 * channels * width + 10 * width,
        "receptive_field": 4 if pool else 3,
        "layers": 7 if pool else 6,
        "peak_activations": 4 * max(64 * channels + 64 * width, 80 * width if pool else 0),
        "flash": 4 * (params + 2 * width) + 8,  # with mean, variance and a count of batches
        "limits.params": "ok",
        "limits.params.left": 10_000 - params,
    }
    rules = dict.fromkeys(RULES, "ok")
    found = [("AB516", "image")] * (channels != 1) + [("AB512", "no_pooling")] * bool(pool)
    found += [("AB514", "params")] * (params >= 300)
    for _, rule in found:
        rules[rule] = "missed"
    cells |= {f"rules.course.{rule}": word for rule, word in rules.items()}
    cells["assignment"] = "not fulfilled" if found else "fulfilled"
    return NET.format(width=width, channels=channels, pool=pool), cells | wrong(*(code for code, _ in found))


def wrong(*codes: str, status: str = "missed") -> Expected:
    return {"status": status, "codes": " ".join(sorted(codes))} if codes else {}


def mistakes(width: int) -> Iterator[tuple[str, bytes, Expected]]:
    """Ten files with a mistake each: its name, its content, what the table is to say of it."""
    text, right = submission(width)
    tight = text.replace('"< 10k"', f'"< {right["params"]}"')
    missed = right | {"limits.params": "missed", "limits.params.left": 0}
    missed |= {"assignment": "not fulfilled"} | wrong(*right.get("codes", "").split(), "AB503")
    files = {
        "own-limit": (tight, missed),
        "waved": (tight.rstrip() + "  # archbuilder: ignore AB503\n", missed),
        "pooled": submission(width, pool="  - max_pool: 2\n"),
        "colours": submission(width, channels=3),
        "own-pack": (text + "rules: course.yaml\n", right | {"rules.course.gap-2": "ok"}),
        "=cmd|' -C calc'!A": (text + "clases: 3\n", wrong("AB101", status="wrong")),
        "no-yaml": (text + "x: [\n", wrong("AB003", status="wrong")),
        "no-base": ("extends: base.yaml\n", wrong("AB009", status="wrong")),
        "empty": ("", wrong("AB004", status="wrong")),
        "latin-1": (text + "# caf\u00e9\n", wrong("AB002", status="wrong")),
    }
    for name, (content, expected) in files.items():
        yield f"{name}.yaml", content.encode("latin-1"), expected


@pytest.fixture
def submissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Expected]:
    """Forty files below the current folder, each with what is to be said of it; a pack beside them."""
    monkeypatch.chdir(tmp_path)
    Path("course.yaml").write_text(PACK)
    found: dict[str, Expected] = {}
    for width in (4, 8, 12, 16):
        folder = Path("handed-in", f"student-{width:02}")
        folder.mkdir(parents=True)
        for name, content, expected in mistakes(width):
            (folder / name).write_bytes(content)
            found[str(folder / name)] = expected
        (folder / "course.yaml").write_text(LENIENT)
    return found


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text), strict=True))


def test_every_cell_of_forty_submissions(submissions: dict[str, Expected], program: Any):
    options = ["--rules", "course.yaml", "--no-ignore-comments", "--format", "csv"]
    result = program("check", *sorted(submissions), *options)
    found = cells(result.out)
    assert result.status == 1 and not result.err and len(found) == 40
    checks = ["limits.params", "limits.params.left", *(f"rules.course.{rule}" for rule in (*RULES, "gap-2"))]
    assert list(found[0]) == [*FIXED, *checks]
    for row, (file, expected) in zip(found, sorted(submissions.items()), strict=True):
        report = check(file, (), ["course.yaml"]).heeding_no_comment()
        first = report.errors[0] if report.errors else None
        line = f" line {first.span.line}" if first and first.span.line else ""
        arena = QUANTITIES["arena"].value(report.facts, "int8") if report.facts else ""
        total = QUANTITIES["arena_total"].value(report.facts, "int8") if report.facts else ""
        expected |= {
            "file": file,
            "name": Path(file).stem if "params" in expected else "cmd--C-calc-A" if "=" in file else "",
            "errors": len(expected.get("codes", "").split()),
            "warnings": 0,
            "ignored": 0,
            # these three are held against torch and the runtime elsewhere
            "training_activations": report.facts.memory.training_bytes() if report.facts else "",
            "arena": arena,
            "arena_total": total,
            "problem": f"{first.code.id}{line}: {first.message}" if first else "",
        }
        assert row == {title: str(expected.get(title, "")) for title in row}


def test_a_comment_counts_unless_it_is_told_not_to(submissions: dict[str, Expected], program: Any):
    (file,) = (name for name in submissions if name.endswith("08/waved.yaml"))
    (row,) = cells(program("check", file, "--format", "csv").out)
    assert (row["status"], row["ignored"], row["limits.params"]) == ("ok", "1", "ignored")
    told = program("check", file, "-q", "--no-ignore-comments")
    assert told.status == 1 and "AB503" in told.out and "ignored" not in told.out
    Path("idle.yaml").write_text(submission(8)[0].replace("- gap", "- gap  # archbuilder: ignore AB403, AB4O3"))
    assert "AB011" in program("check", "idle.yaml", "-q").out
    assert program("check", "idle.yaml", "-q", "--no-ignore-comments").out.endswith("1 file checked, no problems\n")


def test_a_pack_of_a_file_does_not_stand_in_for_one_of_the_command(submissions: dict[str, Expected], program: Any):
    """Both are called course.yaml, and course; the file's own asks for less."""
    Path("handed-in/student-16/cheat.yaml").write_text(submission(16)[0] + "rules: course.yaml\n")
    result = program("check", "handed-in/student-16/cheat.yaml", "--rules", "course.yaml", "-q")
    assert result.status == 1 and "AB514 course, params: params is" in result.out


def test_columns_do_not_depend_on_what_is_found(submissions: dict[str, Expected], program: Any):
    headers = [
        program("check", *files, "--rules", "course.yaml", "--format", "csv").out.splitlines()[0]
        for files in (["handed-in/student-04/empty.yaml"], ["nowhere.yaml", "handed-in/student-04/no-yaml.yaml"])
    ]
    assert headers == [",".join([*FIXED, *(f"rules.course.{rule}" for rule in RULES)])] * 2


def test_a_pack_that_cannot_be_used_is_told_once(submissions: dict[str, Expected], program: Any):
    result = program("check", "handed-in", "--rules", "curse.yaml", "--format", "summary")
    assert (result.status, result.out, result.err.count("AB510")) == (2, "", 1)


def test_a_file_that_is_not_there_is_a_row(program: Any, files: Path):
    result = program("check", "missing.yaml", "good.yaml", "--format", "csv")
    first, second = cells(result.out)
    assert result.status == 2 and (first["status"], first["codes"], second["status"]) == ("unreadable", "AB001", "ok")


def test_rows_are_sorted_with_the_empty_ones_last(submissions: dict[str, Expected], program: Any):
    def sorted_by(option: str, column: str) -> list[str]:
        return [row[column] for row in cells(program("check", "handed-in", "--format", "csv", option).out)]

    assert sorted_by("--sort=params", "params")[:4] == ["94", "94", "94", "94"]
    assert sorted_by("--sort=-params", "params")[0] == str(submission(16, channels=3)[1]["params"])
    assert {*sorted_by("--sort=-params", "params")[-20:]} == {""}
    names = sorted_by("--sort=name", "name")
    assert names[0] == "cmd--C-calc-A" and names.index("waved") > names.index("pooled")
    assert program("check", "handed-in", "--sort", "params").err.startswith("--sort: AB942 only tables can be sorted")
    unknown = program("check", "handed-in", "--format", "csv", "--sort", "parms")
    assert (unknown.status, unknown.out) == (2, "") and "did you mean params?" in unknown.err


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", " =1", "\uff1d1", "'=1", '"=1'])
def test_no_cell_is_a_formula(name: str):
    safe = _for_spreadsheets(name)
    assert isinstance(safe, str) and safe.lstrip()[0] not in "=+-@\t\r\n\uff1d"
    assert "\n" not in safe and safe.endswith("1") | safe.endswith(")")


def test_a_number_is_no_formula():
    assert [_for_spreadsheets(cell) for cell in (-17, 93.8, None)] == [-17, 93.8, None]


def test_a_screen_of_eighty_columns(submissions: dict[str, Expected], program: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = program("check", *sorted(submissions), "--rules", "course.yaml", "--format", "summary").out
    assert max(map(len, out.splitlines())) <= 80
    (line,) = (line for line in out.splitlines() if "16/colours" in line)
    assert line.split()[1:] == ["missed", "634", "27.8k", "3", "...XX"]
    assert out.splitlines()[0].split()[-1] == "abcdef"
    assert "e  rules.course.params      7 of 20 missed" in out  # those of 16 channels, of 8 and 12 with colours
    assert out.endswith("40 files checked, 39 errors, 4 ignored\n")


def test_markdown_keeps_a_hostile_name_to_its_cell(program: Any, files: Path):
    hostile = "a|b`@everyone`<img src=x>[l](http:x)#1.yaml".replace("/", "")
    shutil.copy(files / "good.yaml", files / hostile)
    out = program("check", hostile, "--format", "markdown").out
    row = out.splitlines()[2]
    assert row.startswith(r"| ``a\|b`@everyone`<img src=x>[l](http:x)#1.yaml`` | `good` | ok | 0 | 0 | ")


def test_markdown_shows_a_share_and_sets_numbers_to_the_right(program: Any, files: Path):
    out = program("check", "good.yaml", "--format", "markdown", "--set", "data={dataset: digits, subset: 0.125}").out
    titles, sides, row = (line.strip("| ").split(" | ") for line in out.splitlines())
    of = dict(zip(titles, zip(sides, row, strict=True), strict=True))
    assert (of["subset"], of["errors"]) == (("--:", "0.125"), ("--:", "0"))
    assert (of["status"], of["params"][0]) == ((":--", "ok"), "--:")


def test_runs_are_rows_with_what_they_reached(program: Any, files: Path):
    run = ROOT / "tests" / "fixtures" / "0.1.0" / "trained" / "plain" / "run"
    always = ["--set", 'goals.accuracy=">= 99%"']
    (row,) = cells(program("check", str(run), "--format", "csv", *always).out)
    (last,) = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][-1:]
    (goal,) = (title for title in row if title.startswith("goals."))
    assert (row["assignment"], row[goal]) == ("not fulfilled", "missed")
    assert row["file"] == str(run) and row["state"] == "finished" and row["epochs_done"] == str(last["epoch"])
    assert float(row["test_accuracy"]) == last["test_accuracy"]
    assert f"{last['test_accuracy']:.2f} %" in program("check", str(run), "--format", "summary").out
    (file,) = cells(program("check", "good.yaml", "--format", "csv", *always).out)
    assert (file["assignment"], file[goal], file["state"]) == ("not fulfilled yet", "after training", "")
