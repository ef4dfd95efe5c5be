"""Keys that repeat, merges, aliases, tags, and texts that are no YAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.document.parser import parse


def place(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.code.id} {diagnostic.span.line}:{diagnostic.span.column}"


def test_a_key_that_occurs_twice_is_reported_at_its_second_place_and_the_first_one_counts():
    document = parse("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\n", "net.yaml")
    assert [str(d.span) for d in document.diagnostics] == ["net.yaml:2:17", "net.yaml:3:1"]
    assert [d.code.id for d in document.diagnostics] == ["AB005", "AB005"]
    assert document.diagnostics[1].message == "the key a occurs twice, first on line 1"
    assert document.root.plain() == {"a": 1, "b": {"c": 1, "d": 2}}


def test_a_key_three_times_is_two_problems():
    assert len(parse("a: 1\na: 1\na: 1\n").diagnostics) == 2


def test_quoted_or_not_a_key_is_the_same():
    assert len(parse("a: 1\n'a': 1\n").diagnostics) == 1


def test_very_many_problems_end_the_reading():
    assert len(parse("a: 1\n" * 101).diagnostics) == 100
    with pytest.raises(ArchbuilderError) as caught:
        parse("a: 1\n" * 10_000)
    assert [d.code.id for d in caught.value.diagnostics] == ["AB005"] * 100 + ["AB010"]
    assert caught.value.diagnostics[-1].span.line == 102


# text -> value; each also what PyYAML makes of it
MERGES = {
    "b: &b {x: 1, y: 2}\nu: {<<: *b, y: 3}\n": {"x": 1, "y": 3},
    "b: &b {x: 1, y: 2}\nu: {y: 3, <<: *b}\n": {"x": 1, "y": 3},
    "b: &b {x: 1}\nc: &c {x: 2, y: 3}\nu: {<<: [*b, *c]}\n": {"x": 1, "y": 3},
    "b: &b {x: {y: 1, z: 2}}\nu: {<<: *b, x: {y: 2}}\n": {"x": {"y": 2}},
    "b: &b {x: 1}\nc: &c {<<: *b, y: 2}\nu: {<<: *c, z: 3}\n": {"x": 1, "y": 2, "z": 3},
    "u: {<<: {x: 1}, y: 2}\n": {"x": 1, "y": 2},
    "u: {<<: [], y: 2}\n": {"y": 2},
}


@pytest.mark.parametrize("text", MERGES)
def test_merges(text: str):
    document = parse(text)
    assert not document.diagnostics
    assert document.root.plain()["u"] == MERGES[text]
    assert document.root.plain() == yaml.safe_load(text)


def test_an_own_key_replaces_a_merged_one_only_once():
    document = parse("b: &b {x: 1}\nu:\n  <<: *b\n  x: 2\n  x: 3\n")
    assert [place(d) for d in document.diagnostics] == ["AB005 5:3"]
    assert document.root.plain()["u"] == {"x": 2}


@pytest.mark.parametrize("base", ["3", "text", "~", "[3]", "[{x: 1}, [y]]"])
def test_a_merge_of_something_else_than_mappings(base: str):
    document = parse(f"u:\n  <<: {base}\n  y: 1\n")
    assert [place(d) for d in document.diagnostics] == ["AB006 2:3"]
    assert document.root.plain()["u"]["y"] == 1


def test_a_merge_does_not_change_its_base():
    assert parse("b: &b {x: 1}\nu: {<<: *b, y: 2}\n").root.plain()["b"] == {"x": 1}


def test_aliases_repeat_values_of_every_kind():
    text = "a: &a 1\nb: &b [x, *a]\nc: {d: *b, e: *a}\n"
    assert parse(text).root.plain() == yaml.safe_load(text)


def test_the_last_anchor_of_a_name_counts():
    assert parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\n").root.plain() == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize("text", ["a: *nothing\n", "a: &a [*a]\n", "&a {b: *a}\n", "a: *b\nb: &b 1\n"])
def test_an_alias_without_a_finished_anchor(text: str, refuse: Any):
    diagnostic = refuse(text)
    assert diagnostic.code.id == "AB008" and text.splitlines()[0][diagnostic.span.column - 1] == "*"


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system", "!!python/name:os.system", "!!int", "!!map", "!mine", "!<tag:x>", "!!binary"],
)
@pytest.mark.parametrize("value", ["x", "[x]", "{x: 1}"])
def test_no_tag_is_followed(tag: str, value: str, refuse: Any):
    assert place(refuse(f"a: {tag} {value}\n")) == "AB008 1:4"


@pytest.mark.parametrize("value", ["[x]", "{x: 1}"])
def test_a_collection_is_no_text(value: str, refuse: Any):
    assert place(refuse(f"a: !!str {value}\n")) == "AB008 1:4"


@pytest.mark.parametrize("key", ["[1, 2]", "{x: 1}"])
def test_a_collection_as_key(key: str):
    assert [place(d) for d in parse(f"? {key}\n: 1\n").diagnostics] == ["AB006 1:3"]


@pytest.mark.parametrize(
    "text", ["", "\n", "# only\n  # comments\n", "---\n", "---\n...\n", "~\n", "null\n", "\ufeff", "%YAML 1.2\n---\n"]
)
def test_nothing_in_it(text: str, refuse: Any):
    assert place(refuse(text)) == "AB004 1:1"


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2\n", "a: 1\n...\n---\nb: 2\n", "--- 1\n--- 2\n"])
def test_two_documents(text: str, refuse: Any):
    assert refuse(text).message == "a second document starts here"


def test_one_document_with_all_its_marks():
    assert parse("%YAML 1.1\n---\na: 1\n...\n").root.plain() == {"a": 1}


def test_a_byte_order_mark_in_a_string():
    document = parse("\ufeffa: 1\n")
    assert document.root.plain() == {"a": 1} and document.root.place("a").column == 1


# text -> place, part of the message, part of the hint
SYNTAX = {
    "a: b: c\n": ("1:5", "mapping values are not allowed", "space after each colon"),
    "a: [1, 2\nb: 3\n": ("2:2", "while parsing a flow sequence that starts on line 1", "brackets"),
    "x: 1\na: [1,\n  2\n": ("2:4", "while parsing a flow sequence that starts on line 2", "brackets"),
    "a: 'open\n\n": ("1:4", "while scanning a quoted scalar that starts on line 1", "quotes"),
    "a: {b: 1,\n": ("1:10", "did not find expected node content", ""),  # at the end of the file, not past it
    "a: [1,\n": ("1:7", "did not find expected node content", "brackets"),
    "a:\n\t- b\n": ("2:1", "cannot start any token", "spaces"),
    "a: 1\n b: 2\n": ("2:3", "mapping values are not allowed", "indentation"),
    "limits:\n  receptive_field: > 44\n": ("2:22", "expected comment or line break", '"> 44"'),
    "limits:\n  receptive_field: >= 44\n": ("2:21", "expected comment or line break", '"> 44"'),
    "a: @b\n": ("1:4", "cannot start any token", ""),
    "a: %b\n": ("1:4", "cannot start any token", ""),
    "- a\nb: c\n": ("2:1", "block collection", ""),
    "a: }\n": ("1:4", "", ""),
    "\t\n": ("1:1", "", "spaces"),
}


@pytest.mark.parametrize("text", SYNTAX)
def test_not_yaml(text: str, refuse: Any):
    where, message, hint = SYNTAX[text]
    diagnostic = refuse(text)
    assert place(diagnostic) == f"AB003 {where}"
    assert message in diagnostic.message and hint in diagnostic.hint


@pytest.mark.parametrize(
    "character", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u202e", "\u2066", "\ud800", "\ufffe"]
)
def test_characters_that_no_file_needs(character: str, refuse: Any):
    diagnostic = refuse(f"a: 1\nüb: x{character}y\n")
    assert place(diagnostic) == "AB003 2:6"
    assert f"U+{ord(character):04X}" in diagnostic.message


@pytest.mark.parametrize("text", ["größe", "日本語", "שלום", "😀", "a\xa0b", "\u200d", "\ufeff"])
def test_characters_of_every_script_are_read(text: str):
    assert parse(f"a: 'x{text}'\n").root.plain() == {"a": f"x{text}"}


def skeleton(value: Any) -> Any:
    """The keys and lists of a value, its scalars left out."""
    if isinstance(value, dict):
        return {key: skeleton(child) for key, child in value.items()}
    return [skeleton(child) for child in value] if isinstance(value, list) else None


def oracle(text: str) -> Any:
    """The skeleton that libyaml's own composer makes, "refused" where it makes none."""
    try:
        return skeleton(yaml.load(text, Loader=yaml.CBaseLoader))
    except (yaml.YAMLError, TypeError):  # TypeError: a collection as key
        return "refused"


@given(text=st.text(st.sampled_from("ab1:-?[]{},&*!|>'\"%#@ \n\t~."), max_size=40))
def test_any_text_is_read_or_refused_as_libyaml_does(text: str):
    expected = oracle(text)
    try:
        document = parse(text)
    except ArchbuilderError as error:
        ours = {d.code.id for d in error.diagnostics} <= {"AB004", "AB008"}  # empty files and tags: not YAML's business
        assert ours or expected == "refused"
        return
    if not document.diagnostics:  # a key that occurs twice, or is no text, is ours to report
        assert skeleton(document.root.plain()) == expected
