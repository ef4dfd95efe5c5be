"""Changes to a block in every form of writing, and edits as such."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.document.parser import parse
from archbuilder.remedies.edits import Overlap, Patch, Patches, Source, apply_edits, difference, splice, unified
from archbuilder.remedies.writing import Unwritable, Written, change, insert_after, remove


def on(text: str, do: Callable[[Written], Patches], index: int = 0, positional: str = "out") -> str:
    """A text after a change of one item of its list `n`."""
    document = parse(text)
    written = Written(Source(text, document.name), document.root.value["n"], index, positional)
    return splice(text, do(written))


def dilate(block: Written) -> Patches:
    return change(block, "dilated", {"dilation": "2"})


def swap(block: Written) -> Patches:
    return change(block, "", {"new": "1"}, drop={"out", "old"})


# what is written -> what it becomes
DILATED = {
    "n: [conv]\n": "n: [{dilated: {dilation: 2}}]\n",
    "n: [{conv}]\n": "n: [{dilated: {dilation: 2}}]\n",
    "n: [{conv: }]\n": "n: [{dilated:  {dilation: 2}}]\n",
    "n: [{conv: 3}, x]\n": "n: [{dilated: {out: 3, dilation: 2}}, x]\n",
    "n: [conv: 3, x]\n": "n: [dilated: {out: 3, dilation: 2}, x]\n",
    "n: [{conv: {}}]\n": "n: [{dilated: {dilation: 2}}]\n",
    "n: [{conv: {out: 3}}]\n": "n: [{dilated: {out: 3, dilation: 2}}]\n",
    "n: [{conv: {out: 3,}}]\n": "n: [{dilated: {out: 3, dilation: 2,}}]\n",
    "n: [{conv: {dilation: 7, out: 3}}]\n": "n: [{dilated: {dilation: 2, out: 3}}]\n",
    "n: [{conv: {a: 3,  # a\n  k: [1, 2]}}]  # b\n": "n: [{dilated: {a: 3,  # a\n  k: [1, 2], dilation: 2}}]  # b\n",
    "n:\n- conv\n": "n:\n- dilated: {dilation: 2}\n",
    "n:\n  -   conv: 2 * w   # a\n": "n:\n  -   dilated: {out: 2 * w, dilation: 2}   # a\n",
    "n:\n  - conv:   # a\n": "n:\n  - dilated: {dilation: 2}   # a\n",
    "n:\n  - conv: ~\n": "n:\n  - dilated: {dilation: 2}\n",
    "n:\n  - \"conv\" : '3'\n": "n:\n  - dilated : {out: '3', dilation: 2}\n",
    "n:\n  - conv:\n      out: 3  # a\n\n      # b\n      k: 1\n": (
        "n:\n  - dilated:\n      out: 3  # a\n      dilation: 2\n\n      # b\n      k: 1\n"
    ),
    "n:\n  - conv:\n      out: 3": "n:\n  - dilated:\n      out: 3\n      dilation: 2",
    "n:\r\n  - conv:\r\n      out: 3\r\n": "n:\r\n  - dilated:\r\n      out: 3\r\n      dilation: 2\r\n",
    "n:\n  - conv: &a {out: 3}\n": "n:\n  - dilated: &a {out: 3, dilation: 2}\n",
    "x: &x {k: 1}\nn: [{conv: {<<: *x, out: 3}}]\n": "x: &x {k: 1}\nn: [{dilated: {<<: *x, out: 3, dilation: 2}}]\n",
}

SWAPPED = {
    "n: [{conv: {out: 3, old: 4}}]\n": "n: [{conv: {new: 1}}]\n",
    "n: [{conv: {k: 1, out: 3, old: 4}}]\n": "n: [{conv: {k: 1, new: 1}}]\n",
    "n: [{conv: {out: 3, k: 1, old: 4}}]\n": "n: [{conv: {new: 1, k: 1}}]\n",
    "n: [{conv: {old: 4, k: 1, out: 3, j: 2}}]\n": "n: [{conv: {new: 1, k: 1, j: 2}}]\n",
    "n: [{conv: 3}]\n": "n: [{conv: {new: 1}}]\n",
    "n:\n  - conv:\n      out: 3  # a\n      old: 4  # b\n      k: 1\n": (
        "n:\n  - conv:\n      new: 1  # a\n      k: 1\n"
    ),
}


@pytest.mark.parametrize("text", DILATED)
def test_a_field_and_a_word(text: str):
    assert on(text, dilate) == DILATED[text]
    parse(DILATED[text])


@pytest.mark.parametrize("text", SWAPPED)
def test_fields_in_the_place_of_others(text: str):
    assert on(text, swap) == SWAPPED[text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n: [{pool: {k: 1, out: 3}}, x]\n", "n: [gap, x]\n"),
        ("n: [{pool: 3}]\n", "n: [gap]\n"),
        ("n: [pool: 3]\n", "n: [gap]\n"),
        ("n:\n  - pool: 3  # a\n", "n:\n  - gap  # a\n"),
        ("n:\n  - pool:\n      k: 1\n      out: 3\n  - x\n", "n:\n  - gap\n  - x\n"),
        ("n: [{pool: {k: 1, name: a}}]\n", "n: [{gap: {name: a}}]\n"),
        ("n: [{pool: {name: a, k: 1, out: 3}}]\n", "n: [{gap: {name: a}}]\n"),
    ],
)
def test_fields_left_out(text: str, expected: str):
    assert on(text, lambda block: change(block, "gap", drop={"k", "out"})) == expected


@pytest.mark.parametrize("text", ["x: &x {out: 1}\nn: [{conv: *x}]\n", "n:\n  - conv: |\n      3\n"])
def test_what_has_no_place(text: str):
    with pytest.raises(Unwritable):
        on(text, dilate)


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [
        ("n: [a, b]\n", 0, "n: [a, {new: 1}, b]\n"),
        ("n: [a, {b: 1} ]\n", 1, "n: [a, {b: 1}, {new: 1} ]\n"),
        ("n:\n- a  # c\n# d\n- b\n", 0, "n:\n- a  # c\n- new: 1\n# d\n- b\n"),
        ("n:\n  -   a:\n        k: 1", 0, "n:\n  -   a:\n        k: 1\n  - new: 1"),
        ("n:\n  - a:\n      - b\n      - c  # d\n", 0, "n:\n  - a:\n      - b\n      - c  # d\n  - new: 1\n"),
    ],
)
def test_one_more(text: str, index: int, expected: str):
    assert on(text, lambda block: insert_after(block, "new: 1"), index) == expected


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [
        ("n: [a, b]\n", 0, "n: [b]\n"),
        ("n: [a, b]\n", 1, "n: [a]\n"),
        ("n: [a,  # c\n    {b: 1}, d]\n", 0, "n: [  # c\n    {b: 1}, d]\n"),
        ("n: [a, {b: 1},\n    d]\n", 1, "n: [a, \n    d]\n"),
        ("n:\n- a  # c\n# d\n- b\n", 0, "n:\n# d\n- b\n"),
        ("n:\n  - a\n  # d\n  - b:\n      k: 1", 1, "n:\n  - a\n  # d\n"),
        ("n: [a, b, ]\n", 1, "n: [a, ]\n"),
    ],
)
def test_one_less(text: str, index: int, expected: str):
    assert on(text, remove, index) == expected
    parse(expected)


@pytest.mark.parametrize("text", ["n: [a]\n", "n:\n  - a\n"])
def test_an_only_block_stays(text: str):
    with pytest.raises(Unwritable):
        on(text, remove)


def test_patches_that_meet_in_one_place():
    assert splice("abc", [Patch(1, 1, "x"), Patch(1, 2, "y")]) == "axyc"
    with pytest.raises(Overlap):
        splice("abc", [Patch(0, 2, "x"), Patch(1, 3, "y")])


lines = st.lists(st.sampled_from(["a\n", "b: 1\n", "  c: 2\r\n", "\n", "é # x\n", "b: 12\n"]), max_size=8).map("".join)


@given(before=lines, after=lines)
def test_a_difference_makes_one_text_of_another(before: str, after: str):
    edits = difference(before, after, "f")
    assert apply_edits(before, edits) == after
    assert bool(edits) == (before != after) == bool(unified(before, after, "f"))


@given(text=lines, data=st.data())
def test_places_and_offsets_are_the_same_thing(text: str, data: st.DataObject):
    source = Source(text, "f")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if "\r" not in (text[start - 1 : start], text[end - 1 : end]):  # between the halves of a line break is no place
        assert source.patches(source.edits([Patch(start, end, "x")])) == (Patch(start, end, "x"),)
