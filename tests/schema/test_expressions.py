"""Arithmetic over vars: what Python makes of it, and nothing that is no arithmetic."""

from __future__ import annotations

import time
import warnings
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.schema.expressions import MAX_VALUE, ExpressionError, evaluate

NAMES = {"width": 20, "w": 3, "zero": 0, "_x1": 7}

GOOD = {
    "32": 32,
    " 2 * width ": 40,
    "2*(width+w)//3": 15,
    "width % w": 2,
    "-width": -20,
    "--w": 3,
    "+w - -w": 6,
    "1_000": 1000,
    "-7 // 2": -4,
    "-7 % 3": 2,
    "_x1": 7,
    "((((w))))": 3,
    "2 *\twidth": 40,
}


@pytest.mark.parametrize("text", GOOD)
def test_good(text: str):
    assert evaluate(text, NAMES) == GOOD[text]


# text -> a part of the message
BAD = {
    "": "is not an integer",
    "1.5": "is not an integer",
    "1e3": "is not an integer",
    "w / 2": "is not an integer",
    "w ** 2": "is not an integer",
    "2 w": "is not an integer",
    "(w": "is not an integer",
    "w)": "is not an integer",
    "w if w else 1": "is not an integer",
    "w and 1": "is not an integer",
    "not w": "is not an integer",
    "~w": "is not an integer",
    "w << 2": "is not an integer",
    "w == 3": "is not an integer",
    "w, w": "is not an integer",
    "[w]": "is not an integer",
    "True": "is not an integer",
    "None": "is not an integer",
    "w(2)": "is not an integer",
    "w.real": "is not an integer",
    "w[0]": "is not an integer",
    "'3'": "is not an integer",
    "lambda: 1": "is not an integer",
    "__import__('os')": "is not an integer",
    "w := 3": "is not an integer",
    "1 or 2": "is not an integer",
    "1or 2": "is not an integer",
    "0x10": "is not an integer",
    "١٢": "is not an integer",
    "\uff57": "is not an integer",
    "w\n+1": "is not an integer",
    "\0": "is not an integer",
    "heigth": "there is no variable heigth",
    "widht + 1": "there is no variable widht",
    "1 // zero": "divides by zero",
    "1 % 0": "divides by zero",
    "9999999 * 9999999": "leaves the range",
    "-999999999 * 99999": "leaves the range",
    "9" * 150: "leaves the range",
    "1 + " * 60 + "1": "at most 200",
}


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ExpressionError) as caught:
            evaluate(text, NAMES)
    assert BAD[text] in str(caught.value)


def test_hints():
    def hint(text: str, names: dict[str, int]) -> str:
        with pytest.raises(ExpressionError) as caught:
            evaluate(text, names)
        return str(caught.value.hint)

    assert hint("widht", NAMES) == "did you mean width?"
    assert hint("height", NAMES) == "known here: _x1, w, width, zero"
    assert hint("width", {}) == "the file has no vars: section"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 199,
        "(" * 100 + "1" + ")" * 99,
        "-" * 199 + "1",
        "9*" * 99 + "9",
        "w" * 200,
        "w" * 199 + "!",
        "1" * 199 + "!",
    ],
)
def test_hostile_texts_cost_little(text: str):
    start = time.perf_counter()
    with suppress(ExpressionError):
        evaluate(text, NAMES)
    assert time.perf_counter() - start < 0.1


operators = st.sampled_from(["+", "-", "*", "//", "%"])
trees = st.recursive(
    st.integers(0, 50).map(str) | st.sampled_from(sorted(NAMES)),
    lambda inner: st.builds("({} {} {})".format, inner, operators, inner) | st.builds("-{}".format, inner),
    max_leaves=12,
)


@given(text=trees)
def test_what_python_makes_of_it(text: str):
    try:
        expected: Any = eval(text, {"__builtins__": {}}, NAMES)
    except ZeroDivisionError:
        expected = None
    try:
        assert evaluate(text, NAMES) == expected
    except ExpressionError:
        assert expected is None or len(text) > 200 or _largest(text) > MAX_VALUE


def _largest(text: str) -> int:
    """What no intermediate value of such a tree exceeds: every number positive, every operator a product."""
    product = 1
    for word in text.replace("(", " ").replace(")", " ").replace("-", " ").split():
        product *= max(NAMES.get(word, 0) if not word.isdigit() else int(word), 2)
    return product


@given(text=st.text(st.sampled_from("w1() +-*/%_.,:[]'\"=<>~@&|^!\n\\é"), max_size=30))
def test_any_text_is_a_number_or_an_error(text: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(ExpressionError):
            assert type(evaluate(text, NAMES)) is int
