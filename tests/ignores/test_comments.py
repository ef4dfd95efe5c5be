"""`# archbuilder: ignore CODE`: what is a comment, what it holds back, and what it must never hold back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archbuilder
from archbuilder.diagnostics import MAX_PROBLEMS
from archbuilder.document.ignores import comments_of
from archbuilder.document.parser import parse
from archbuilder.pipeline import Report, check, check_text

HEAD = "archbuilder: 1\ninput: [3, 8, 8]\nclasses: 10\n"
TAIL = "  - gap\n  - classifier\n"
PADDED = "  - pointwise: {out: 8, padding: 1}"  # AB403

IGNORE = "# archbuilder: ignore"


def net(line: str, head: str = HEAD) -> Report:
    return check(f"{head}network:\n{line}\n{TAIL}")


def found(report: Report) -> list[str]:
    return [f"{d.span.line}:{d.span.column} {d.code.id}" for d in report.diagnostics]


def test_a_finding_on_the_line_is_gone():
    assert [d.code.id for d in net(PADDED).diagnostics] == ["AB403"]
    report = net(f"{PADDED}  {IGNORE} AB403")
    assert report.diagnostics == () and report.ok
    assert [d.code.id for d in report.ignored] == ["AB403"]


@pytest.mark.parametrize(
    "comment",
    [
        "#archbuilder:ignore AB403",
        f"# wide  {IGNORE} AB403",
        f"{IGNORE} ab403",
        f"{IGNORE} AB403 it is as in the paper, and AB999 is not a code here",
        f"{IGNORE}\tAB403",
    ],
)
def test_ways_to_write_it(comment: str):
    assert found(net(f"{PADDED} {comment}")) == []


@pytest.mark.parametrize("separator", [", ", ",", " ", " , "])
def test_several_codes(separator: str):
    both = PADDED.replace("}", ", bias: true}")
    codes = [d.code.id for d in net(both).diagnostics]
    assert codes == ["AB403", "AB409"]
    assert found(net(f"{both}  {IGNORE} {separator.join(codes)}")) == []
    assert [d.code.id for d in net(f"{both}  {IGNORE} AB409").diagnostics] == ["AB403"]


def test_only_that_line():
    report = net(f"{PADDED}\n  - conv: 8  {IGNORE} AB403")
    assert [d.code.id for d in report.diagnostics] == ["AB403", "AB011"]


def test_a_missed_limit_and_a_missed_rule_can_be_ignored():
    limit = f'limits:\n  params: "< 10"  {IGNORE} AB503\n'
    report = check(f"{HEAD}{limit}network:\n  - conv: 8\n{TAIL}")
    assert report.ok and not report.diagnostics and not report.limits[0].ok
    rule = f"rules: mcu  {IGNORE} AB512\n"
    pooled = f"{HEAD}{rule}network:\n  - conv: 8\n  - activation: gelu  {IGNORE} AB512\n{TAIL}"
    kept, ignored = check(pooled.replace(f"  {IGNORE} AB512", "")), check(pooled)
    assert [d.code.id for d in kept.errors] == ["AB512"] and not ignored.errors


def test_a_rule_of_a_pack_that_another_check_asks_for_is_not_idle():
    text = f"{HEAD}network:\n  - conv: 8\n  - activation: gelu  {IGNORE} AB512\n{TAIL}"
    asked = check(text, rules=["mcu"])
    assert [d.code.id for d in asked.ignored] == ["AB512"] and asked.ok
    for packs in ([], ["era-s9"]):
        assert "AB011" not in {d.code.id for d in check(text, rules=packs).diagnostics}
    assert [d.code.id for d in check(text.replace("AB512", "AB503")).diagnostics] == ["AB011"]


@pytest.mark.parametrize("code", [f"AB51{digit}" for digit in range(1, 7)])
def test_no_code_of_a_rule_is_idle(code: str):
    assert found(net(f"  - conv: 8  {IGNORE} {code}")) == []


ERRORS = {
    "AB101": "  - convv: 8",
    "AB103": "  - conv: 0",
    "AB301": "  - conv: {out: 9, groups: 5}",
    "AB206": "  - join: nothing",
}


@pytest.mark.parametrize("code", ERRORS)
def test_what_stops_the_analysis_cannot_be_ignored(code: str):
    report = net(f"{ERRORS[code]}  {IGNORE} {code}")
    assert not report.ok and report.ignored == ()
    assert [d.code.id for d in report.diagnostics] == [code, "AB012"]
    assert "cannot be ignored" in report.diagnostics[1].message


def test_nor_can_a_limit_that_is_not_measured():
    report = net("  - conv: 8", f'{HEAD}limits:\n  parms: "< 10"  {IGNORE} AB502\n')
    assert [d.code.id for d in report.diagnostics] == ["AB502", "AB012"]


@pytest.mark.parametrize(
    ("comment", "column", "message"),
    [
        (f"{IGNORE} AB402", 39, "AB011 there is no AB402 on this line"),
        (f"{IGNORE} AB4O2", 39, "AB012 there is no code AB4O2"),
        (f"{IGNORE} AB4", 39, "AB012 there is no code AB4"),
        (f"{IGNORE} the padding", 39, "AB012 there is no code THE"),
        (f"{IGNORE} AB011", 39, "AB012 AB011 cannot be ignored on a line"),
        (f"{IGNORE} AB013", 39, "AB012 AB013 cannot be ignored on a line"),
        (IGNORE, 17, "AB012 the comment names no code"),
        (f"{IGNORE} ,", 17, "AB012 the comment names no code"),
    ],
)
def test_a_comment_that_does_nothing_is_a_warning(comment: str, column: int, message: str):
    report = net(f"  - conv: 8     {comment}")
    (d,) = report.diagnostics
    assert f"{d.code.id} {d.message}" == message and d.severity == "warning" and d.hint
    assert (d.span.line, d.span.column) == (5, column)


def test_which_code_was_meant():
    (d,) = net(f"  - conv: 8  {IGNORE} AB4033").diagnostics
    assert d.hint == "did you mean AB403?"


def test_of_many_findings_all_can_be_ignored_and_what_is_left_shows():
    wide, waved = PADDED.replace("8", "1"), f"{PADDED.replace('8', '1')}  {IGNORE} AB403"
    head = HEAD.replace("8, 8", "1, 1")
    report = net("\n".join([waved] * 150 + [wide]), head)
    assert found(report) == ["155:25 AB403"] and len(report.ignored) == 150
    *shown, last = net("\n".join([wide] * 150), head).diagnostics
    assert len(shown) == MAX_PROBLEMS and (last.code.id, last.span.line) == ("AB013", 105)


def test_more_idle_comments_than_are_shown_are_not_silent():
    *shown, last = net("\n".join([f"  - activation  {IGNORE} AB403"] * 150)).diagnostics
    assert [d.code.id for d in shown] == ["AB011"] * MAX_PROBLEMS and last.code.id == "AB013"


def test_idleness_shows_only_where_everything_was_checked():
    """Unused comments are not reported without an analysis or with --set, which changes the file."""
    assert found(net(f"  - conv: 8  {IGNORE} AB403\n  - gapp")) == ["6:5 AB101"]
    text = f"{HEAD}vars: {{pad: 1}}\nnetwork:\n  - pointwise: {{out: 8, padding: pad}}  {IGNORE} AB403\n{TAIL}"
    assert check(text).diagnostics == ()
    assert check(text, ["vars.pad=0"]).diagnostics == ()


NO_COMMENTS = [
    'name: "x # archbuilder: ignore AB403"',
    "name: 'x # archbuilder: ignore AB403'",
    "name: 'it''s # archbuilder: ignore AB403'",
    'name: "\\"# archbuilder: ignore AB403"',
    "name: 'a\n  # archbuilder: ignore AB403\n  b'",
    "name: |\n  # archbuilder: ignore AB403\n\n  # archbuilder: ignore AB403\n",
    "name: >-\n  a\n  # archbuilder: ignore AB403",
    "name: a#archbuilder:ignore-AB403",
    "name: {k: '# archbuilder: ignore AB403'}",
    "'# archbuilder: ignore AB403': 1",
    "# archbuilder: ignored AB403",
    "# archbuilder ignore AB403",
]


@pytest.mark.parametrize("text", NO_COMMENTS)
def test_what_is_no_comment(text: str):
    assert list(comments_of(text, "x")) == []


COMMENTS = [
    ("name: |  # archbuilder: ignore AB403\n  text", [1]),
    ("name: |\n  text\n# archbuilder: ignore AB403\nb: 1", [3]),
    ("name: |\n    text\n  # archbuilder: ignore AB403\nb: 1", [3]),
    ("a: 'x'  # archbuilder: ignore AB403", [1]),
    ("a: 'x\n  y'  # archbuilder: ignore AB403", [2]),
    ("a: [b]# archbuilder: ignore AB403", [1]),
    ("a: b\r\nc: d # archbuilder: ignore AB403\re: f # archbuilder: ignore AB404", [2, 3]),
    ("# archbuilder: ignore AB403", [1]),
]


@pytest.mark.parametrize(("text", "lines"), COMMENTS)
def test_what_is_one(text: str, lines: list[int]):
    comments = list(comments_of(text, "x"))
    assert [comment.span.line for comment in comments] == lines
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for comment in comments:
        for code, span in comment.codes:
            assert rows[span.line - 1][span.column - 1 : span.end_column - 1] == code


@given(value=st.text("a #:'\"\\-|>\n\t" + IGNORE, max_size=60))
def test_nothing_in_a_value_is_a_comment(value: str):
    """A quoted text stays a value, whatever its content, and the text after it stays a comment."""
    import yaml

    text = f"a: {yaml.safe_dump(value, default_style=chr(34), width=20).rstrip()}  {IGNORE} AB403\n"
    assert parse(text).root.plain() == {"a": value}
    assert [[code for code, _ in comment.codes] for comment in comments_of(text, "x")] == [["AB403"]]


def test_a_comment_in_a_base_holds_in_its_variants_and_is_idle_only_at_home(tmp_path: Path):
    base = f"{HEAD}network:\n{PADDED}  {IGNORE} AB403\n  - conv: 8  {IGNORE} AB402\n{TAIL}"
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "variant.yaml").write_text("extends: base.yaml\n")
    assert [d.code.id for d in check(tmp_path / "base.yaml").diagnostics] == ["AB011"]
    assert check(tmp_path / "variant.yaml").diagnostics == ()


def test_a_rule_pack_has_nothing_to_ignore():
    pack = f"archbuilder_rules: 1\nname: mine\nrules: [skip]  {IGNORE} AB403\n"
    report = check(pack.replace("[skip]", "[gap]"))
    assert [d.code.id for d in report.diagnostics] == ["AB011"]


def test_they_hold_for_python_and_for_training(tmp_path: Path):
    """archbuilder.check, load and the check before a training run are the pipeline's."""
    from archbuilder.run.options import Options
    from archbuilder.run.plan import new

    text = HEAD + f'limits:\n  params: "< 10"  {IGNORE} AB503\nnetwork:\n  - conv: 8\n{TAIL}'
    assert archbuilder.check(text).ok and archbuilder.load(text)
    file = tmp_path / "net.yaml"
    file.write_text(f"{text}data: {{dataset: digits}}\n".replace("[3, 8, 8]", "[1, 8, 8]"))
    assert new(file, [], tmp_path, Options(), True).graph


@given(
    places=st.lists(st.integers(0, 400), max_size=4),
    piece=st.sampled_from([f"{IGNORE} AB403", f"  {IGNORE} AB4\n", IGNORE, "|", ">-\n", "'", '"', "\r", "\n\n", "{"]),
)
def test_wherever_a_comment_is_put_there_is_an_answer(places: list[int], piece: str):
    text = f"{HEAD}name: >-\n  x\nlimits: {{params: '< 10'}}\nnetwork:\n{PADDED}  {IGNORE} AB403\n  - conv: 8\n{TAIL}"
    for place in sorted(places, reverse=True):
        text = text[:place] + piece + text[place:]
    report = check_text(text, "x")
    assert isinstance(report, Report)
    assert all(d.code.ignorable for d in report.ignored)


@pytest.mark.parametrize("text", ["a: |", "a: >", "a: |\n", "", "a", "'", "a: |\n  x"])
def test_texts_that_end_early(text: str):
    assert next(comments_of(f"{IGNORE} AB403\n{text}", "x")).codes[0][0] == "AB403"


def test_a_hostile_number_of_comments():
    for comments in (f"{IGNORE} AB403, AB4, X\n" * 100_000, IGNORE + " AB4," * 500_000, IGNORE + " " * 3_000_000):
        start = time.perf_counter()
        report = check_text(f"{HEAD}network:\n  - conv: 8\n{TAIL}{comments}", "x")
        assert time.perf_counter() - start < 5  # it takes a tenth of a second where the machine has nothing else to do
        assert 1 <= len(report.diagnostics) <= MAX_PROBLEMS + 1


def test_a_file_without_the_word_costs_nothing():
    import subprocess
    import sys

    code = (
        "import sys; from archbuilder.pipeline import check; from tests.cli.samples import GOOD, WARNED\n"
        "check(GOOD); check(WARNED); print('archbuilder.document.ignores' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
