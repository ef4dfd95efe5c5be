"""A remedy is a value: the hint is made from it, and so is the edit; no words are ever read back."""

from __future__ import annotations

import ast
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from archbuilder.diagnostics import Diagnostic
from archbuilder.pipeline import Report, check
from archbuilder.remedies import quick_fixes, suggest
from archbuilder.remedies.fixes import _WRITERS
from archbuilder.remedy import Change, Insert, Layout, Remedy, Rename, Replace, Write, to_dict, written
from archbuilder.reporting.json import render
from tests.lsp.test_fixes import CASES
from tests.remedies.samples import HEAD, ROOT
from tests.remedies.test_fixes import NETWORK, TABLE

TEXTS = [*(text for text, _ in TABLE.values()), *(case[0] for case in CASES)]

# what hints have said, and what a pack's author may say: each was an edit once
PROSE = (
    "write depthwise_separable: {out: 64}",
    "did you mean gap?",
    "use padding: 0",
    "set classes: 10",
    "add classes: 10 at the top of the file",
    "add horizontal_flip under data: augment:",
    "add data: {dataset: cifar10, augment: [horizontal_flip]}",
    "write 16",
    "leave it out",
    "end with gap and classifier",
    "quote it",
    "indent with spaces",
    "start each one with a dash",
    "put a space after the colon: gap: 3",
)


def saying(report: Report, words: str) -> Report:
    """The report with other words in every finding."""
    return replace(report, diagnostics=tuple(replace(d, hint=words, message=words) for d in report.diagnostics))


@pytest.mark.parametrize("text", TEXTS)
def test_the_hint_is_the_remedy_in_words(text: str):
    found = [d for d in check(text).diagnostics if d.remedy]
    assert found and all(d.hint == str(d.remedy) for d in found)


@pytest.mark.parametrize("text", TEXTS)
def test_an_edit_is_made_from_the_remedy_whatever_the_words_are(text: str):
    report = check(text)
    fixes = quick_fixes(report)
    assert fixes
    for words in ("", *PROSE):
        assert [fix.edits for fix in quick_fixes(saying(report, words))] == [fix.edits for fix in fixes]
    silent = replace(report, diagnostics=tuple(replace(d, remedy=None) for d in report.diagnostics))
    assert quick_fixes(silent) == []


@pytest.mark.parametrize("prose", PROSE)
def test_what_the_author_of_a_pack_says_is_no_edit(prose: str, tmp_path: Path):
    """In no place of the network that a rule points at."""
    (tmp_path / "pack.yaml").write_text(
        "archbuilder_rules: 1\nname: p\nrules:\n"
        + "".join(
            f"  - {kind}: {{{body}name: r{number}, remedy: {json.dumps(prose)}}}\n"
            for number, (kind, body) in enumerate(
                [("has", "layers: dropout, "), ("without", "layers: pointwise, "), ("gap", ""), ("dilated", "")]
            )
        )
    )
    for network in ("[{conv: 8}, {avg_pool: 31}, classifier]", "\n  - conv: 8\n  - gap\n  - classifier"):
        report = check(f"{HEAD}network: {network}\n", rules=[str(tmp_path / "pack.yaml")])
        asked = [d for d in report.diagnostics if d.code.of_pack]
        assert {d.hint for d in asked} == {prose} and {d.remedy for d in asked} == {None}
        assert quick_fixes(replace(report, diagnostics=tuple(asked))) == []


def test_nothing_in_the_remedies_reads_words():
    """A hint is never looked at; a message tells findings apart, and is shown."""
    used: set[tuple[str, str]] = set()
    for path in (ROOT / "archbuilder" / "remedies").rglob("*.py"):
        tree = ast.parse(path.read_text())
        told = [node for node in ast.walk(tree) if isinstance(node, ast.Tuple)]  # (d.code, d.message)
        told += [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]  # shown
        fine = {id(inner) for node in told for inner in ast.walk(node)}
        used |= {
            (path.name, node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in ("hint", "message") and id(node) not in fine
        }
    assert used == set()


def test_every_kind_has_a_writer():
    assert set(_WRITERS) == set(Remedy.__subclasses__())


def test_a_name_from_a_hostile_file_is_no_endless_hint():
    (finding, *_) = check(f"{HEAD}network: [{{{'a' * 5000}:3}}, gap, classifier]\n").diagnostics
    assert len(finding.hint) <= 1000 and finding.remedy is None


def test_a_remedy_as_data():
    text = f"{HEAD}network: [{{conv: {{out: 8, kernal: 3}}}}, gap, classifier, {{dropout: 0.1}}]\n"
    (file,) = json.loads(render([check(text)]))["files"]
    assert file["remedies"] == [{"kind": "rename", "to": "kernel"}]
    assert len(file["remedies"]) == len(file["diagnostics"])
    change = Change({"out": "16"}, ("kernel",), "conv", ("network",), guess=True)
    assert to_dict(change) == {
        "kind": "change",
        "guess": True,
        "fields": {"out": "16"},
        "drop": ["kernel"],
        "word": "conv",
        "at": ["network"],
    }
    for remedy in (Rename("a"), Replace("a", "b"), Write("a"), Insert(("a", "b")), Layout("tabs")):
        assert json.loads(json.dumps(to_dict(remedy)))["kind"] == type(remedy).__name__.lower()
        assert hash(remedy) == hash(replace(remedy)) and {each.name for each in fields(remedy)} >= {"say", "guess"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8, "8"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "null"),
        ("cifar10", "cifar10"),
        ("./a b/c.npz", "./a b/c.npz"),
        ("yes: no", '"yes: no"'),
        ("10", '"10"'),
        ("1e3", '"1e3"'),
        ("null", '"null"'),
        (".5", '".5"'),
        ("~", '"~"'),
        (".inf", '".inf"'),
        ("a #b", '"a #b"'),
        ("\u202e", '"\\u202e"'),
        ([1, ["a"]], "[1, [a]]"),
        ({"a": {"b": (1, 2)}}, "{a: {b: [1, 2]}}"),
    ],
)
def test_a_value_is_written_as_yaml_reads_it(value: object, text: str):
    assert written(value) == text
    from archbuilder.document.parser import parse

    read = parse(f"a: {text}\n").root.plain()["a"]
    assert json.dumps(read) == json.dumps(value)


def test_a_fix_holds_for_the_network_that_the_issue_names():
    text = (ROOT / "tests" / "remedies" / "suggest.yaml").read_text()
    (first, *_) = suggest(text)
    report = check(first.text)
    assert report.ok and "depthwise_separable" in first.text


def test_findings_are_equal_by_their_remedy_too():
    (finding,) = check(f"{HEAD}{NETWORK}train: {{optimizer: sdg}}\n").diagnostics
    assert isinstance(finding, Diagnostic) and finding in {finding} and replace(finding, remedy=None) != finding
