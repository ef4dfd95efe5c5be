"""The excerpt of a finding: its carets stand under the place, whatever the line is made of."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.diagnostics import Code, Span
from archbuilder.reporting.diagnostic import MAX_EXCERPT, render_diagnostic
from archbuilder.reporting.style import PLAIN, Style

MARKED = Code("AB996", "a code of the tests for excerpts")


def cells(text: str) -> int:
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def under(line: str, start: int, end: int, style: Style = PLAIN) -> str:
    """What stands over the carets when columns `start` to `end` (from 1, exclusive) of a line are marked."""
    *_, shown, carets = render_diagnostic(MARKED.at(Span("x", 1, start, 1, end), "words"), line, style).splitlines()
    margin = carets.index("^")
    found, column = "", 0
    for character in shown:
        if margin <= column < margin + carets.count("^") and (cells(character) or found):
            found += character
        column += cells(character)
    return found


@pytest.mark.parametrize(
    ("line", "word", "shown"),
    [
        ("- conv: {out: 16}", "out", "out"),
        ("größe: 16", "16", "16"),
        ("漢字: 16", "16", "16"),
        ("- 😀: 16", "😀", "😀"),
        ("e\u0301te\u0301: 16", "16", "16"),  # with combining accents
        ("\tname: 16", "16", "16"),
        ("\u202e\x1b: 16", "16", "16"),  # both are shown as \u....
        ("a: \x1b[2J", "\x1b[2J", "\\u001b[2J"),
    ],
)
def test_carets_are_under_the_place(line: str, word: str, shown: str):
    start = line.index(word) + 1
    assert under(line, start, start + len(word)) == shown


def test_carets_know_what_a_terminal_without_the_characters_shows():
    line = "größe ×: 16"
    assert under(line, 10, 12, Style(encoding="ascii")) == "16"
    assert "gr\\xf6\\xdfe x: 16" in render_diagnostic(
        MARKED.at(Span("x", 1, 10, 1, 12), "words"), line, Style(encoding="ascii")
    )
    assert under(line, 10, 12, Style(encoding="latin-1")) == "16"


@given(
    before=st.text("a \t\x1bé漢😀\u0301\u202e", max_size=300),
    word=st.text("abc", min_size=1, max_size=9),
    after=st.text("x😀", max_size=300),
    encoding=st.sampled_from(["utf-8", "ascii", "cp1252"]),
)
def test_any_line(before: str, word: str, after: str, encoding: str):
    line, start = f"{before}|{word}|{after}", len(before) + 2
    assert under(line, start, start + len(word), Style(encoding=encoding)) == word


def test_a_place_far_to_the_right_of_a_long_line_is_shown():
    line = f"network: [{'{conv: 16}, ' * 100}gapp, gap]"
    start = line.index("gapp") + 1
    assert under(line, start, start + 4) == "gapp"
    shown = render_diagnostic(MARKED.at(Span("x", 1, start, 1, start + 4), "words"), line).splitlines()
    assert shown[1].startswith("  1 | ...6}, {conv") and max(map(len, shown)) < MAX_EXCERPT + 20


def test_lines_end_where_yaml_says_so():
    text = "a: '\x85\u2028'\rb: 1\r\nc: 2\n"
    shown = render_diagnostic(MARKED.at(Span("x", 3, 4, 3, 5), "words"), text)
    assert shown.splitlines()[1:] == ["  2 | b: 1", "  3 | c: 2", "    |    ^"]
