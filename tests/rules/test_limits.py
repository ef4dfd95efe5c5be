"""limits: how they are read, what they are held against, and what a miss says."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.document.parser import parse
from archbuilder.pipeline import Report, check
from archbuilder.reporting import html, text
from archbuilder.reporting import json as as_json
from archbuilder.schema.env import Env
from archbuilder.spec.limits import Limit, read_limits

HEAD = "archbuilder: 1\ninput: [3, 32, 32]\n"
# 3x3 to 8 channels, bare: 216 weights, no bias; 216 * 32 * 32 MACs; field 3
CONV = "network: [{conv: {out: 8, order: conv, bias: false}}]\n"
MACS = 216 * 32 * 32


def read(text: str) -> tuple[tuple[Limit, ...], list[str]]:
    """The limits of a section, and "line:column code" of its problems."""
    env = Env()
    limits = read_limits(parse(text).root, env)
    return limits, [f"{d.span.line}:{d.span.column} {d.code.id}" for d in env.diagnostics]


def with_limit(limit: str, network: str = CONV) -> Report:
    return check(f"{HEAD}limits:\n  {limit}\n{network}")


# text -> relation and bound
GOOD = {
    "< 200k": ("<", 200_000),
    "<200k": ("<", 200_000),
    "  >  44  ": (">", 44),
    "<= 64Ki": ("<=", 65_536),
    "<= 64 KiB": ("<=", 65_536),
    "<= 2Mi": ("<=", 2 * 2**20),
    "<= 1Gi": ("<=", 2**30),
    ">= 45": (">=", 45),
    "= 7": ("==", 7),
    "== 7": ("==", 7),
    "< 1.5M": ("<", 1_500_000),
    "< 0.2M": ("<", 200_000),
    "< 0.07k": ("<", 70),
    "< 1.1k": ("<", 1100),
    "< 2.3G": ("<", 2_300_000_000),
    "< 200_000": ("<", 200_000),
    "< 200K": ("<", 200_000),
    "< 0": ("<", 0),
    "< 12345678901234567890": ("<", 12345678901234567890),
}


@pytest.mark.parametrize("text", GOOD)
def test_good(text: str):
    (limit,), problems = read(f"params: '{text}'\n")
    assert problems == []
    assert (limit.relation, limit.bound) == GOOD[text]
    assert limit.text == text.strip()


QUOTE, RELATION = 'quote it, as in "> 44"', "write a relation and a number"

# YAML of a limit -> a part of the hint
BAD = {
    "200k": 'write the relation too: "< 200k"',
    "'~ 5'": RELATION,
    "'< 5 < 6'": RELATION,
    "'< -5'": RELATION,
    "'< 1e5'": RELATION,
    "'< 5kk'": RELATION,
    "'< 5m'": RELATION,
    "'< k'": RELATION,
    "'<'": RELATION,
    "'!= 5'": RELATION,
    "'< ٣'": RELATION,
    "less": RELATION,
    "[1]": RELATION,
    "{a: 1}": RELATION,
    "1.5": RELATION,
    "true": RELATION,
    "": RELATION,
    "'< 5" + " " * 50 + "'": "",
    "'< " + "9" * 50 + "'": RELATION,
    "200000": 'write the relation too: "< 200000"',
    ">4": QUOTE,
    "''": QUOTE,
    '"> 4\\n5"': QUOTE,
    "'< 1.5'": "whole number",
    "'< 0.0001k'": "whole number",
    "'< 0.5Ki'": None,  # 512
}


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str):
    env = Env()
    limits = read_limits(parse(f"params: {text}\n").root, env)
    if BAD[text] is None or (BAD[text] == "" and limits):
        assert limits and not env.diagnostics
        return
    (diagnostic,) = env.diagnostics
    assert limits == () and diagnostic.code.id == "AB501"
    assert BAD[text] in diagnostic.hint and len(diagnostic.message) < 100


def test_places_and_several_at_once():
    _, problems = read("params: 3\nmacs: '< 3'\nlayers: many\nreceptive_field:\n")
    assert problems == ["1:9 AB501", "3:9 AB501", "4:1 AB501"]


def test_another_form():
    assert read("[params]\n")[1] == ["1:1 AB104"]
    assert read("x\n")[1] == ["1:1 AB104"]


def test_their_number_is_bounded():
    assert read("".join(f"a{i}: 3\n" for i in range(1000)))[1] == ["1:1 AB501"]


@given(relation=st.sampled_from(["<", "<=", ">", ">=", "=="]), bound=st.integers(0, 50), value=st.integers(0, 50))
def test_what_holds_is_what_python_says(relation: str, bound: int, value: int):
    (limit,), _ = read(f"params: '{relation} {bound}'\n")
    holds = eval(f"{value} {relation} {bound}")
    assert limit.holds(value) == holds
    assert (limit.left(value) >= 0) == (holds or value == bound)
    assert abs(limit.left(value)) == abs(value - bound)


@given(number=st.decimals(0, 10**6, places=4), suffix=st.sampled_from(["", "k", "M", "G", "Ki", "Mi", "Gi"]))
def test_bounds_are_exact(number: Any, suffix: str):
    sizes = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    limits, problems = read(f"params: '< {number}{suffix}'\n")
    exact = number * sizes[suffix]
    if exact == int(exact):
        assert limits[0].bound == exact
    else:
        assert problems == ["1:9 AB501"]


# limit -> whether the bare conv keeps it
HELD = {
    "params: '< 217'": True,
    "params: '< 216'": False,
    "params: '<= 216'": True,
    "params: '= 216'": True,
    "params: '> 216'": False,
    f"macs: '<= {MACS}'": True,
    f"macs: '< {MACS}'": False,
    "receptive_field: '> 2'": True,
    "receptive_field: '>= 4'": False,
    "receptive_field: '< 4'": True,
    "layers: '= 1'": True,
    "layers: '> 1'": False,
    "trainable_params: '= 216'": True,
}


@pytest.mark.parametrize("limit", HELD)
def test_against_a_network(limit: str):
    report = with_limit(limit)
    assert report.ok == HELD[limit] == report.limits[0].ok
    if not report.ok:
        (diagnostic,) = report.diagnostics
        assert (diagnostic.code.id, diagnostic.span.line, diagnostic.span.column) == ("AB503", 4, 3)
        assert diagnostic.hint


def test_frozen_parameters_are_not_trainable():
    frozen = "network: [{conv: {out: 8, order: conv, bias: false, frozen: true}}]\n"
    assert with_limit("trainable_params: '= 0'", frozen).ok


def test_a_miss_of_trainable_parameters_leaves_frozen_ones_out():
    network = "network: [{conv: {out: 64, order: conv, bias: false, frozen: true}}, {conv: {out: 8, order: conv}}]\n"
    (diagnostic,) = [d for d in with_limit("trainable_params: '< 1k'", network).diagnostics if d.code.id == "AB503"]
    assert diagnostic.hint == "the most expensive: conv2.conv (4,616)"


# paths whose units look at different places; strides without end
UNKNOWN = {
    "AB306": "branches: {merge: add, paths: [[{strided: 4}], [{conv: {out: 4, kernel: 17, padding: valid}}]]}",
    "AB211": "repeat: {times: 5, blocks: [{strided: {out: 4, stride: 999}}]}",
}


@pytest.mark.parametrize("code", UNKNOWN)
@pytest.mark.parametrize("limit", ["> 44", "< 44", "= 1", "> 0"])
def test_an_unknown_field_keeps_no_limit(code: str, limit: str):
    report = with_limit(f"receptive_field: '{limit}'", f"network:\n  - {UNKNOWN[code]}\n  - conv: 4\n")
    assert {d.code.id for d in report.errors} == {code}, "the limit's own finding would tell nothing new"
    (measured,) = report.limits
    assert (measured.value, measured.left, measured.ok) == (None, None, False)
    assert f"receptive_field {limit}: unknown  not ok" in text.render(report)
    assert "receptive field  unknown" in text.render(report)
    assert f"receptive_field {limit}: unknown" in unescape(html.render(report))
    (file,) = json.loads(as_json.render([report]))["files"]
    assert [(each["value"], each["left"], each["ok"]) for each in file["limits"]] == [(None, None, False)]
    assert file["totals"]["receptive_field"] is file["totals"]["field"] is file["layers"][-1]["receptive_field"] is None


def test_a_field_that_is_known_after_an_unknown_one():
    """A global pool at the end sees the whole image, whatever is before it; the limit is about that."""
    network = f"network:\n  - {UNKNOWN['AB306']}\n  - gap\n"
    (measured,) = with_limit("receptive_field: '> 0'", network).limits
    assert measured.value is None


def test_a_rule_about_an_unknown_field_does_not_hold(tmp_path: Path):
    pack = tmp_path / "pack.yaml"
    pack.write_text('archbuilder_rules: 1\nname: sees\nrules: [{limit: {of: receptive_field, bound: "> 0"}}]\n')
    report = check(f"{HEAD}network:\n  - {UNKNOWN['AB306']}\n", rules=[str(pack)])
    (verdict,) = report.rules
    assert not verdict.ok
    assert {d.code.id for d in report.errors} == {"AB306", "AB514"}


def test_the_field_is_held_against_its_worse_axis():
    wide = "network: [{conv: {out: 8, kernel: [3, 7]}}]\n"
    assert [with_limit(f"receptive_field: '{text}'", wide).ok for text in ("> 2", "> 3", "< 8", "< 7")] == [
        True,
        False,
        True,
        False,
    ]


def test_a_miss_names_the_three_layers_that_cost_most():
    network = "network: [{conv: 8}, {conv: 64}, {conv: 32}, {conv: 16}, {pointwise: 8}]\n"
    (diagnostic,) = with_limit("params: '< 1k'", network).diagnostics
    assert diagnostic.message == "params is 28,248, the limit is < 1k"
    assert diagnostic.hint == "the most expensive: conv3.conv (18,432), conv2.conv (4,608), conv4.conv (4,608)"


@pytest.mark.parametrize(
    ("limit", "remedy"),
    [
        ("params: '> 1M'", "widen a layer"),
        ("params: '= 1M'", "widen a layer"),
        ("params: '= 1'", "most expensive"),
        ("macs: '< 1'", "most expensive"),
        ("receptive_field: '> 44'", "dilate or stride"),
        ("receptive_field: '< 2'", "stride later"),
        ("layers: '> 5'", "add a layer"),
        ("layers: '< 1'", "remove a layer"),
    ],
)
def test_the_remedy_goes_the_right_way(limit: str, remedy: str):
    (diagnostic,) = with_limit(limit).diagnostics
    assert remedy in diagnostic.hint


def test_an_unknown_limit_is_reported_whether_or_not_the_network_is_right():
    for network in (CONV, "network: [{conv: many}]\n", "network: [flatten, {conv: 3}]\n"):
        report = with_limit("receptive_feild: '> 44'", network)
        unknown = [d for d in report.diagnostics if d.code.id == "AB502"]
        assert [d.hint for d in unknown] == ["did you mean receptive_field?"]


def test_no_limit_is_held_against_a_network_that_is_wrong():
    report = with_limit("params: '< 1'", "network: [flatten, {conv: 3}]\n")
    assert not report.limits and [d.code.id for d in report.diagnostics] == ["AB303"]
