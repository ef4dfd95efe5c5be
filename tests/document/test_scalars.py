"""Scalars mean what the YAML 1.2 core schema says, and where 1.1 agrees, what PyYAML says."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.document.parser import parse
from archbuilder.document.scalars import NUMBER


def read(text: str) -> Any:
    """The value of one scalar, read as the value of a key."""
    return parse(f"key: {text}\n").root.plain()["key"]


# text -> value, from the tables of the YAML 1.2.2 specification, section 10.3
CORE: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "nULL": "nULL",
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "FALSE": False,
    "tRUE": "tRUE",
    "0": 0,
    "-19": -19,
    "+12": 12,
    "007": 7,
    "0o17": 15,
    "0x3A": 58,
    "0xfF": 255,
    "-0x1": "-0x1",
    "0b1": "0b1",
    "0o8": "0o8",
    "0.": 0.0,
    ".5": 0.5,
    "-0.0": -0.0,
    "+12e03": 12000.0,
    "-2E+05": -200000.0,
    "1e-3": 0.001,
    "5e-4": 0.0005,
    "1e3": 1000.0,
    "1.e3": 1000.0,
    ".e3": ".e3",
    "1e": "1e",
    ".inf": math.inf,
    "+.inf": math.inf,
    "-.Inf": -math.inf,
    ".INF": math.inf,
    ".iNF": ".iNF",
    "-.nan": "-.nan",
    # what YAML 1.1 takes for something else
    "on": "on",
    "off": "off",
    "yes": "yes",
    "No": "No",
    "y": "y",
    "1_000": "1_000",
    "1:30": "1:30",
    "190:20:30": "190:20:30",
    "2001-12-14": "2001-12-14",
    "=": "=",
    ".": ".",
    # styles: whatever is quoted is text
    "'1'": "1",
    '"true"': "true",
    '""': "",
    "''": "",
    '"\\u0041\\n"': "A\n",
    "! 12": "12",
    "!!str 12": "12",
    "!!str": "",
}


@pytest.mark.parametrize("text", CORE)
def test_core_schema(text: str):
    value = read(text)
    assert value == CORE[text] and type(value) is type(CORE[text])


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text: str):
    assert math.isnan(read(text))


def test_the_sign_of_zero_is_kept():
    assert math.copysign(1, read("-0.0")) == -1


@pytest.mark.parametrize("header", ["|", ">"])
def test_a_block_of_text_is_text(header: str):
    assert read(f"{header}-\n  12\n") == "12"


@pytest.mark.parametrize("text", ["~", "null", "true", "12", "1.5", ".inf"])
def test_a_key_that_is_not_text_is_reported_as_the_file_has_it(text: str):
    document = parse(f"{text}: 1\n")
    assert [d.code.id for d in document.diagnostics] == ["AB006"]


@pytest.mark.parametrize("text", ["on", "off", "yes", "no", "y", "n", "1_000"])
def test_a_key_that_only_yaml_1_1_takes_for_a_value_is_a_name(text: str):
    document = parse(f"{text}: 1\n")
    assert document.root.plain() == {text: 1} and not document.diagnostics


# what PyYAML reads by other rules than ours: numbers with a point or exponent, octal, sexagesimal,
# underscores, dates, the words of YAML 1.1, signs before a base
_DIFFERS = re.compile(r"[-+]?[0-9.][0-9_.:eExXoObB+-]*|(y|n|yes|no|on|off|=|<<)|\.?[A-Za-z]+", re.IGNORECASE)

words = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(lambda word: not _DIFFERS.fullmatch(word))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(0.001, 1e6).map(lambda x: round(x, 3))
    | words
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12).filter(
        lambda text: (
            not re.match(NUMBER, text) or not isinstance(yaml.safe_load(text), str)
        )  # 08 and 1e3 are ours alone
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(words | st.text("abc -:", min_size=1), inner, max_size=4)
    ),
)


@given(
    value=values.filter(lambda value: value is not None),
    flow=st.sampled_from([None, True, False]),
    width=st.integers(10, 200),
)
def test_what_pyyaml_writes_is_read_back(value: Any, flow: bool | None, width: int):
    """PyYAML quotes all that its own, wider schema would misread, so that its output means the same in both."""
    text = yaml.safe_dump(value, default_flow_style=flow, width=width, allow_unicode=True)
    document = parse(text)
    assert document.root.plain() == value == yaml.safe_load(text)
    assert not document.diagnostics


@given(text=st.from_regex(r"[-+]?(0|[1-9][0-9]{0,25})", fullmatch=True))
def test_decimal_integers(text: str):
    assert read(text) == yaml.safe_load(text) == int(text)


@given(
    text=st.from_regex(r"[-+]?([0-9]{1,9}\.[0-9]{0,9}|\.[0-9]{1,9}|[0-9]{1,9})([eE][-+]?[0-9]{1,3})?", fullmatch=True)
)
def test_numbers_are_what_python_reads(text: str):
    """Python's own notation of numbers covers the core schema's, signs, points and exponents included."""
    value = read(text)
    assert value == float(text)
    assert isinstance(value, int) == text.lstrip("+-").isdigit()
