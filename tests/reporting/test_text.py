"""What people read."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path

import pytest

from archbuilder.diagnostics import Code, Span
from archbuilder.pipeline import Report, check
from archbuilder.reporting.diagnostic import printable, render_diagnostic
from archbuilder.reporting.html import render as render_html
from archbuilder.reporting.style import PLAIN, Style, style_of
from archbuilder.reporting.text import human, layer_table, pieces, render

FINDING = Code("AB999", "a code of the tests")
REMARK = Code("AB998", "a warning of the tests", severity="warning")

NET = """\
archbuilder: 1
name: net
input: [3, 32, 32]
classes: 10
limits: {params: "< 1M", macs: "< 1k"}
network:
  - conv: {out: 8}
  - skip: {blocks: [{strided: 16}]}
  - gap
  - classifier
"""


def test_a_diagnostic_shows_the_line_with_the_place_marked():
    text = "network:\n  - conv:\n      groups: 5\n"
    finding = FINDING.at(Span("net.yaml", 3, 7, 3, 13), "groups=5 must divide 16", "choose a divisor")
    assert render_diagnostic(finding, text) == (
        "net.yaml:3:7: AB999 groups=5 must divide 16\n"
        "  2 |   - conv:\n"
        "  3 |       groups: 5\n"
        "    |       ^^^^^^\n"
        "  hint: choose a divisor"
    )


def test_without_text_hint_or_line_before():
    assert render_diagnostic(FINDING.at(Span("x"), "words")) == "x: AB999 words"
    assert (
        render_diagnostic(FINDING.at(Span("x", 1, 1, 1, 2), "words"), "a: 1\n")
        == "x:1:1: AB999 words\n  1 | a: 1\n    | ^"
    )


def test_a_warning_says_so():
    assert render_diagnostic(REMARK.at(Span("x"), "words")) == "x: AB998 warning: words"


def test_a_place_over_several_lines_is_marked_to_the_end_of_its_first():
    shown = render_diagnostic(FINDING.at(Span("x", 1, 4, 3, 2), "words"), "a: [1,\n  2,\n]\n")
    assert shown.splitlines()[-1] == "    |    ^^^"


@pytest.mark.parametrize("span", [Span("x", 9, 1, 9, 2), Span("x", 2, 80, 2, 81), Span("x", 0, 0, 0, 0)])
def test_a_place_outside_the_text_does_no_harm(span: Span):
    assert render_diagnostic(FINDING.at(span, "words"), "a\nb\n").startswith("x:")


def test_long_lines_are_cut():
    shown = render_diagnostic(FINDING.at(Span("x", 1, 5000, 1, 5001), "words"), "x" * 10_000)
    assert max(map(len, shown.splitlines())) < 200


def test_nothing_in_a_file_steers_the_terminal():
    hostile = "\x1b[2J\x07\u202e\x9b"
    finding = FINDING.at(Span("x", 1, 1, 1, 2), hostile, hostile)
    shown = render_diagnostic(finding, f"a: {hostile}\n")
    assert not any(character in shown for character in hostile if character not in "[2J")
    assert printable("\ta\x1b") == " a\\u001b"


def test_a_table_of_blocks_and_one_of_ops():
    report = check(NET)
    header, *rows = layer_table(report.facts)
    assert header.split() == ["line", "layer", "block", "op", "output", "params", "MACs", "RF", "stride"]
    assert [row.split()[:3] for row in rows] == [
        ["7", "conv", "conv"],
        ["8", "skip.strided", "strided"],
        ["8", "skip.shortcut", "skip"],
        ["8", "skip.add", "skip"],
        ["9", "gap", "gap"],
        ["10", "classifier.conv", "classifier"],
        ["10", "flatten", "classifier"],
    ]
    assert "1x1 projection" in rows[3]
    assert len(layer_table(report.facts, per_op=True)) == 1 + len(report.graph.nodes)


def test_numbers_end_under_the_end_of_their_title_and_words_begin_under_its_beginning():
    header, *rows = layer_table(check(NET).facts)
    assert {row[header.index("output") + 6 : header.index("output") + 8] for row in rows} == {"  "}
    assert {row[header.index("layer") - 1] for row in rows} == {" "}
    assert [row.rpartition(" ")[2] for row in rows] == ["1", "2", "2", "2", "32", "32", "32"]
    assert len({len(row) for row in rows}) == 1


def test_totals_limits_and_findings():
    report = check(NET)
    shown = render(report)
    assert f"parameters       {report.facts.params:,}, and {report.facts.buffers:,} buffer values" in shown
    assert f"params < 1M: {report.facts.params:,}, {10**6 - report.facts.params:,} left  ok" in shown
    assert f"macs < 1k: {report.facts.macs:,}, missed by {report.facts.macs - 1000:,}  MISSED" in shown
    assert "<string>:5:26: AB503 macs is" in shown and '  5 | limits: {params: "< 1M", macs: "< 1k"}' in shown


def test_quiet_leaves_out_the_table_and_nothing_else():
    report = check(NET)
    table = "\n".join(["", *layer_table(report.facts), "", ""])
    assert render(report).replace(table, "") == render(report, table=False)


def test_a_file_without_facts_shows_its_findings_only():
    shown = render(check("archbuilder: 1\n"))
    assert shown.startswith("<string>:1:1: AB102")


def test_summary():
    clean, bad = check(NET, ["limits={}"]), check("x.yaml")
    warned = check(NET, ["limits={}", "network.0={pointwise: {out: 8, padding: 1}}"])

    def summary(*reports: Report) -> str:
        return "".join(pieces(reports)).splitlines()[-1]

    assert summary(clean) == "1 file checked, no problems"
    assert summary(clean, clean) == "2 files checked, no problems"
    assert summary(clean, bad) == "2 files checked, 1 error"
    assert summary(warned) == "1 file checked, 1 warning"
    assert summary(bad, bad, warned) == "3 files checked, 2 errors and 1 warning"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (1234, "1.2k"), (12_345_678, "12.3M"), (3 * 10**9, "3.0G")],
)
def test_human(number: int, text: str):
    assert human(number) == text


def test_colours_paint_and_change_no_word():
    report = check(NET)
    painted = render(report, Style(True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == render(report, PLAIN)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "colour"),
    [
        (_Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (_Terminal(), {"NO_COLOR": "1"}, False),
        (_Terminal(), {"NO_COLOR": ""}, True),
        (_Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_where_colours_are(
    stream: io.StringIO, environment: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert style_of(stream) == Style(colour)


def test_a_notebook_shows_a_table_and_escapes_what_it_quotes():
    report = check(NET)
    shown = render_html(report)
    assert report._repr_html_() == shown
    assert shown.count("<tr>") == len(layer_table(report.facts))
    hostile = render_html(check("archbuilder: 1\ninput: [3, 4, 4]\nnetwork: ['<script>alert(1)</script>']\n"))
    assert "<script>" not in hostile and "&lt;script&gt;" in hostile


def test_every_character_that_the_package_may_print_has_a_reading_in_ascii():
    """Where a terminal knows no more, `×` is an x: an escape is for names in the user's files only."""
    own = set()
    for path in (Path(__file__).parents[2] / "archbuilder").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
        own |= {c for text in constants if isinstance(text, str) for c in text if not c.isascii()} & set(source)
    shown = Style(encoding="ascii").readable("".join(sorted(own)))
    assert own and "\\" not in shown
