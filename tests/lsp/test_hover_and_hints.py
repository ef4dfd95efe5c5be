"""Numbers beside the text: hover, and hints at the end of a line."""

import pytest

from archbuilder.pipeline import check
from tests.lsp.test_findings import HEAD

TEXT = HEAD + """\
limits: {params: "< 200k", receptive_field: "> 44"}
vars: {width: 16}
define: {twice: {params: {out: null}, blocks: [{conv: out}, {strided: out}]}}
network:
  - stage:
      name: C1
      blocks:
        - conv: width
        - skip: {blocks: [{conv: {out: 2 * width, activation: gelu}}]}
  - repeat:
      times: 2
      blocks:
        - conv: {out: 32}
  - twice: 48
  - twice: {out: 64}
  - gap
  - classifier
goals: {accuracy: ">= 85%"}
"""  # fmt: skip
LINES = TEXT.splitlines()


def where(text: str, within: str = "") -> tuple[int, int]:
    line = next(n for n, line in enumerate(LINES) if (within or text) in line)
    return line, LINES[line].index(text)


def test_a_hint_says_what_the_blocks_of_a_line_make(open_):
    editor = open_(TEXT)
    assert editor.findings()[0].code == "AB503"  # a missed limit leaves all numbers there
    hints = {LINES[line].strip(): text for line, text in editor.hints().items()}
    assert hints == {
        LINES[5]: "48x16x16 … 64x8x8 · ×2 · 99.5k · RF 21",
        "- stage:": "32x32x32 · 5.7k · RF 5",
        "- conv: width": "16x32x32 · 464 · RF 3",
        "- skip: {blocks: [{conv: {out: 2 * width, activation: gelu}}]}": "32x32x32 · 5.2k · RF 5",
        "- repeat:": "32x32x32 · 18.6k · RF 9",
        "- conv: {out: 32}": "32x32x32 · ×2 · 18.6k · RF 9",
        "- twice: 48": "48x16x16 · 34.8k · RF 13",
        "- twice: {out: 64}": "64x8x8 · 64.8k · RF 21",
        "- gap": "64x1x1 · RF 49*",
        "- classifier": "10 · 650 · RF 49*",
    }


def test_hints_of_top_level_blocks_add_up_to_the_totals():
    from archbuilder.live.editing.measures import measures

    report = check(TEXT)
    found = measures(report)
    top = [m for m in found.values() if LINES[m.span.line - 1].startswith("  - ")]
    assert sum(m.params for m in top) == report.facts.params
    assert sum(m.macs for m in top) == report.facts.macs


def test_only_hints_of_the_lines_that_are_shown(open_):
    line, _ = where("- conv: width")
    assert list(open_(TEXT).hints(line, line + 1)) == [line, line + 1]


def test_a_hint_stands_at_the_end_of_its_line_in_utf_16(open_):
    editor = open_(HEAD + "network: [{conv: 8}, gap, classifier]  # 😀\n")
    params = {"first": 3, "last": 3}
    (line,) = editor.hints(**params)
    assert line == 3


def test_broken_yaml_keeps_the_last_numbers_with_their_lines(open_):
    editor = open_(TEXT)
    before = editor.hints()
    line, _ = where("- conv: width")
    editor.replace((line, 0), (line, 0), "        - conv: {out: 8, \n\n")  # an open bracket, and a line more
    assert editor.codes()[0][0] == "AB003"
    after = editor.hints()
    assert after == {n + 2 * (n >= line): text for n, text in before.items()}
    gap, column = where("- gap")
    assert "makes **64x1x1**" in editor.hover(gap + 2, column + 2)
    editor.replace((line + 5, 0), (line + 6, 0), "")  # a second edit in another place
    assert len(editor.hints()) > 3
    assert "makes **" in editor.hover(*where("stage"))
    editor.write(TEXT)
    assert editor.hints() == before


def test_a_file_that_never_was_right_has_no_hints(open_):
    assert open_(HEAD + "network: [{convv: 8}]\n").hints() == {}
    assert open_(HEAD + "network: [").hints() == {}


@pytest.mark.parametrize(
    ("text", "within", "expected"),
    [
        ("conv", "- conv: width", ["makes **16x32x32**: 464 parameters", "field 3 (exact)", "| C1.conv | conv 3x3"]),
        ("skip", "- skip", ["makes **32x32x32**", "add (shortcut: 1x1 projection", "`shortcut: auto` is the"]),
        ("conv", "blocks: [{conv: {out: 2", ["makes **32x32x32**", "gelu"]),
        ("conv", "- conv: {out: 32}", ["makes **32x32x32**, 2 times", "18,560 parameters"]),
        ("twice", "- twice: 48", ["**twice** makes **48x16x16**: 34,752 parameters"]),
        ("gap", "- gap", ["makes **64x1x1**", "(whole input)", "mean of each channel"]),
        ("out", "- conv: {out: 32}", ["output channels"]),
        ("activation", "activation: gelu", ["none: no activation (default `relu`)"]),
        ("2 * width", "2 * width", ["2 * width = 32"]),
        ("width", "- conv: width", ["width = 16"]),
        ("width", "vars", ["width = 16"]),
        ("params", "limits", ["params < 200k: 124,442", " left"]),
        ("receptive_field", "limits", ["receptive_field > 44: **21, missed by 23**"]),
        ("accuracy", "goals", ["test accuracy >= 85% after the last epoch: after training"]),
        (">= 85%", "goals", ["test accuracy >= 85% after the last epoch: after training"]),
        ("goals", "goals", ["what a run must reach"]),
        ("classes", "classes", ["number of classes"]),
        ("limits", "limits", ["bounds on the totals"]),
    ],
)  # fmt: skip
def test_hover(open_, text, within, expected):
    shown = open_(TEXT).hover(*where(text, within))
    for words in expected:
        assert words in shown


@pytest.mark.parametrize("place", [(7, 2), (7, 0), (99, 0), (21, 0)])
def test_hover_over_nothing(open_, place):
    assert open_(TEXT).hover(*place) == ""


def test_hover_without_numbers_still_has_the_manual(open_):
    editor = open_(HEAD + "network: [{conv: {out: 8, kernal: 3}}, gap]\n")
    assert "then norm, activation and dropout as `order` says" in editor.hover(3, 12)
    assert "mean of each channel" in editor.hover(3, 41)
    assert "makes" not in editor.hover(3, 12)


def test_a_repeated_table_is_cut(open_):
    blocks = ", ".join(["conv: 8"] * 20)
    shown = open_(HEAD + f"network: [{{stage: {{blocks: [{blocks}]}}}}, gap, classifier]\n").hover(3, 12)
    assert "and 8 more" in shown
