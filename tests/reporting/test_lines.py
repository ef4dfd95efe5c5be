"""The formats with a line for each finding: concise, and GitHub's annotations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from archbuilder.diagnostics import Code, Diagnostic, Span
from archbuilder.pipeline import Report, check
from archbuilder.reporting import concise, github
from archbuilder.reporting.style import Style

WORDS = Code("AB997", "a code of the tests for lines")

COMMAND = re.compile(r"::(?P<level>\w+) (?P<properties>[^:]*)::(?P<message>.*)")


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: level, properties, message."""
    found = COMMAND.fullmatch(line)
    assert found, line
    properties = dict(pair.split("=", 1) for pair in found["properties"].split(","))
    return found["level"], {key: _decoded(value) for key, value in properties.items()}, _decoded(found["message"])


def _decoded(text: str) -> str:
    for code, character in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(code, character)
    return text


def one(span: Span, message: str = "words", hint: str = "") -> list[Report]:
    return [Report(span.file, diagnostics=(WORDS.at(span, message, hint),))]


def test_concise_is_a_line_for_each_finding_and_one_at_the_end(reports: list[Report]):
    *lines, last = concise.render(reports).splitlines()
    found = [d for report in reports for d in report.diagnostics]
    assert len(lines) == len(found) and all(d.code.id in line for d, line in zip(found, lines, strict=True))
    assert "mistakes.yaml:6:25: AB403 warning: " in concise.render(reports)
    assert "sub/base.yaml:7:5: AB101 there is no block gapp (checked: variant.yaml)" in lines
    assert "missing.yaml: AB001 cannot be read: No such file or directory" in lines
    assert "--set nothing: AB901 an override has the form key.path=value" in lines
    assert last.startswith(f"{len(reports)} files checked, ")


def test_concise_in_colours(reports: list[Report]):
    painted = concise.render(reports, Style(True))
    assert "\x1b[1;31mAB101\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == concise.render(reports)


def test_every_finding_is_a_command(reports: list[Report]):
    found: list[Diagnostic] = [d for report in reports for d in report.diagnostics]
    lines = github.render(reports).splitlines()
    for d, line in zip(found, lines, strict=True):
        level, properties, message = read(line)
        assert level == d.severity and properties["title"] == f"archbuilder {d.code.id}"
        assert message.startswith(f"{d.span}: {d.code.id} ") and message.endswith(d.hint)
        in_file = not d.span.file.startswith(("--", "<"))
        assert properties.get("file", "") == (d.span.file if in_file else "")
        assert properties.get("line", "0") == str(d.span.line if in_file else 0)


def test_a_command_to_the_letter():
    span = Span("a,b: 100%.yaml", 3, 5, 3, 9)
    line = github.render(one(span, "50 % of it:\nall, or none", "take\r\n100 %"))
    assert line == (
        "::error file=a%2Cb%3A 100%25.yaml,line=3,endLine=3,col=5,endColumn=9,title=archbuilder AB997"
        "::a,b: 100%25.yaml:3:5: AB997 50 %25 of it:\\u000aall, or none%0Ahint: take\\u000d\\u000a100 %25"
    )


@pytest.mark.parametrize(
    ("span", "properties"),
    [
        (Span("x.yaml", 3, 5, 4, 2), {"file": "x.yaml", "line": "3", "endLine": "4"}),  # no columns over lines
        (Span("x.yaml", 3, 5, 3, 5), {"file": "x.yaml", "line": "3", "endLine": "3", "col": "5", "endColumn": "5"}),
        (Span("x.yaml"), {"file": "x.yaml"}),
        (Span("<stdin>", 3, 5, 3, 9), {}),
        (Span("--set a=1"), {}),
    ],
)
def test_places(span: Span, properties: dict[str, str]):
    assert read(github.render(one(span)))[1] == {**properties, "title": "archbuilder AB997"}


def test_no_finding_no_line(reports: list[Report]):
    (clean,) = (report for report in reports if report.file == "clean.yaml" and report.ok)
    assert github.render([clean]) == ""
    assert concise.render([clean]) == "1 file checked, no problems"


def test_files_count_from_the_root_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    level, properties, message = read(github.render([check("net.yaml")]))
    assert (level, properties["file"]) == ("error", "sub/net.yaml") and message.startswith("net.yaml: AB001")


def test_nothing_in_a_file_becomes_a_command_of_its_own(reports: list[Report]):
    hostile = check('archbuilder: 1\ninput: [3, 4, 4]\nnetwork: ["\\n::set-output name=x::y\\r\\n"]\n')
    lines: Any = github.render([hostile]).splitlines()
    assert len(lines) == 1 and lines[0].startswith("::error title=")
