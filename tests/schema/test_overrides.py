"""--set: fields put in before a file is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.document.overrides import apply
from archbuilder.document.parser import parse

TEXT = """\
base: &base {out: 1, sizes: [1, 2, 3]}
plain: 5
empty:
copy: *base
merged: {<<: *base, own: 1}
list:
  - conv: {out: 8}
  - gap
"""


def after(*overrides: str) -> Any:
    document = parse(TEXT, "net.yaml")
    apply(document, overrides)
    return document.root.plain()


def refusals(*overrides: str) -> list[Diagnostic]:
    with pytest.raises(ArchbuilderError) as caught:
        after(*overrides)
    return list(caught.value.diagnostics)


def changed(path: str, value: object) -> Any:
    """The text's value with one place set to another, found step by step."""
    whole = node = parse(TEXT).root.plain()
    *way, last = path.split(".")
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    node[int(last) if isinstance(node, list) else last] = value
    return whole


GOOD: dict[str, tuple[str, object]] = {
    "plain=6": ("plain", 6),
    "plain = 6": ("plain", 6),
    "plain=": ("plain", None),
    "plain=1e-3": ("plain", 0.001),
    "plain=on": ("plain", "on"),
    "plain='6'": ("plain", "6"),
    "plain=a=b": ("plain", "a=b"),
    "plain=[1, {a: 2}]": ("plain", [1, {"a": 2}]),
    "plain={a: {b: 1}}": ("plain", {"a": {"b": 1}}),
    "plain=< 200k": ("plain", "< 200k"),
    "plain=>= 1%": ("plain", ">= 1%"),
    "plain= > 44": ("plain", "> 44"),
    "plain=> it's": ("plain", "> it's"),
    "new=1": ("new", 1),
    "new.deep.er=1": ("new.deep.er", 1),
    "base.out=2": ("base.out", 2),
    "base.sizes.0=9": ("base.sizes.0", 9),
    "list.0.conv.out=16": ("list.0.conv.out", 16),
    "list.1={conv: 3}": ("list.1", {"conv": 3}),
}


@pytest.mark.parametrize("override", GOOD)
def test_good(override: str):
    assert after(override) == changed(*GOOD[override])


def test_under_an_empty_key():
    assert after("empty.a.b=1") == changed("empty", {"a": {"b": 1}})


def test_the_last_one_counts():
    assert after("plain=1", "plain=2") == changed("plain", 2)
    assert after("plain={a: 1}", "plain.b=2") == changed("plain", {"a": 1, "b": 2})


@pytest.mark.parametrize("path", ["copy.out", "copy.sizes.1", "merged.sizes.1", "merged.own", "base.sizes.2"])
def test_what_an_alias_shares_is_set_in_one_place_only(path: str):
    assert after(f"{path}=99") == changed(path, 99)


# override -> a part of the message
BAD = {
    "plain": "an override has the form key.path=value",
    "": "an override has the form key.path=value",
    "=3": "an override has the form key.path=value",
    ".=3": "an override has the form key.path=value",
    "a..b=3": "an override has the form key.path=value",
    "plain.x=3": "plain is 5, which has no fields",
    "list.1.x=3": "list.1 is 'gap', which has no fields",
    "list.2=3": "list is a list of 2, 2 is not one of its positions",
    "list.-1=3": "list is a list of 2, -1 is not one of its positions",
    "list.x=3": "x is not one of its positions",
    "list.²=3": "² is not one of its positions",
    "list.٣=3": "is not one of its positions",
    f"list.{'9' * 5000}=3": "is not one of its positions",
    "plain=[1": "the value is not YAML",
    "plain={a: 1": "the value is not YAML",
    "plain=a: 1": "the value is not YAML",
    "plain='": "the value is not YAML",
    "plain=*base": "the value is not YAML",
    "plain=!!python/name:os.system": "the value is not YAML",
    "plain=\ud800": "the value is not YAML",
    "plain=\0": "the value is not YAML",
    f"plain={'[' * 1000}": "nested more than",
    f"plain={'1' * 1000}": "a number of 1000 digits",
    "plain={a: 1, a: 2}": "the key a occurs twice",
    "plain={1: 2}": "a key must be text",
    "plain=1\nother: 2": "ends before the text does",
    "plain=1\n---\n2": "a second document",
}


@pytest.mark.parametrize("override", BAD, ids=range(len(BAD)))
def test_bad(override: str):
    (diagnostic,) = refusals(override)
    assert diagnostic.code.id == "AB901" and diagnostic.code.exit_status == 2
    assert diagnostic.span.file == f"--set {override}"
    assert BAD[override] in diagnostic.message


def test_every_bad_one_is_reported():
    assert len(refusals("plain=[", "plain=1", "list.9=1", "nothing")) == 3


def test_in_a_file_that_is_no_mapping():
    document = parse("- a\n")
    with pytest.raises(ArchbuilderError, match="the file is a list of 1"):
        apply(document, ["name=x"])


def test_the_same_validation_and_the_same_words(net: Any):
    """A wrong value is refused as in a file, its place being the override."""
    written = net("train: {epochs: 0}\nnetwork: [{conv: {out: many}}]").diagnostics
    overrides = ("train.epochs=0", "network.0.conv.out=many")
    set_ = net("train: {epochs: 3}\nnetwork: [{conv: {out: 8}}]", *overrides).diagnostics
    assert sorted((d.code.id, d.message, d.hint) for d in written) == sorted(
        (d.code.id, d.message, d.hint) for d in set_
    )
    assert sorted(d.span.file for d in set_) == sorted(f"--set {text}" for text in overrides)


def test_a_problem_elsewhere_keeps_its_place(net: Any):
    report = net("train: {epochs: 3, seed: -1}\nnetwork: [gap]", "train.epochs=4")
    assert [str(d.span) for d in report.diagnostics] == ["<string>:3:26"]


def test_an_unknown_field_and_a_block_that_is_set(net: Any):
    report = net("network: [gap]", "networks=3", "network.0={convv: 3}")
    assert [d.hint for d in report.diagnostics] == ["did you mean conv?", "did you mean network?"]


def test_overrides_count(net: Any):
    report = net("vars: {width: 8}\nnetwork: [{conv: width}]", "vars.width=24", "name=wide", "input=[3, 8, 8]")
    assert report.ok and report.name == "wide"
    assert str(next(iter(report.graph.nodes.values())).shape) == "24x8x8"


VARIED = "vars: {width: 8, spare: 3}\nnetwork: [{conv: {out: 2 * width, kernel: depth}}]"


@pytest.mark.parametrize(
    ("overrides", "message", "hint"),
    [
        (["vars.widht=24", "vars.depth=3"], "nothing uses the variable widht: the override has no effect", "width"),
        (["vars.spare=24", "vars.depth=3"], "nothing uses the variable spare", "known here: width"),
        (["vars.relu=24"], "nothing uses the variable relu", "known here: width"),
    ],
)
def test_a_variable_that_nothing_uses(overrides: list[str], message: str, hint: str, net: Any):
    (diagnostic,) = net(VARIED, *overrides).diagnostics
    assert diagnostic.code.id == "AB901" and message in diagnostic.message and hint in diagnostic.hint
    assert str(diagnostic.span) == f"--set {overrides[0]}"


def test_a_variable_that_only_the_command_line_gives(net: Any):
    assert net(VARIED, "vars.depth=3", "vars.width=2").ok
    assert net("vars: {a: 2, b: a * 2}\nnetwork: [{conv: b}]", "vars.a=3").spec.vars == {"a": 3, "b": 6}


def test_a_bad_value_is_one_finding(net: Any):
    network = "classes: 10\nnetwork: [{conv: 8}, gap, classifier]"
    for override in ("classes=abc", "classes=0", "input=3", "archbuilder=2"):
        (diagnostic,) = net(network, override).diagnostics
        assert diagnostic.code.id == "AB103" and diagnostic.exit_status == 2


@given(override=st.text(st.sampled_from("plainbsemtc.=[]{}:,0123 '\"*&<\n"), max_size=30))
def test_any_text_is_an_override_or_refused(override: str):
    try:
        after(override)
        codes = set()
    except ArchbuilderError as error:
        codes = {d.code.id for d in error.diagnostics}
    assert codes <= {"AB901"}
