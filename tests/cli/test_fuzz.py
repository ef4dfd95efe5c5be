"""A few hundred spoilt files, the same in every run; tests/fuzz_check.py checks as many as wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.diagnostics import Span
from tests import fuzz_check, spoiling
from tests.spoiling import as_text, as_tree, large, seeds

CASES, CHUNK = 500, 50


@pytest.mark.parametrize("start", range(0, CASES, CHUNK))
def test_spoilt_files_are_answered_by_diagnostics(start: int, tmp_path: Path):
    for number in range(start, start + CHUNK):
        made = spoiling.case(0, number)
        _, _, wrong = fuzz_check.examine(made.write(tmp_path), made.overrides, made.rules)
        assert wrong == [], f"python -m tests.fuzz_check --only {number}"


@settings(max_examples=200)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    codes, _, wrong = fuzz_check.examine(path)
    assert codes and not wrong


@pytest.mark.parametrize("spoil", as_text.SPOILS)
def test_every_kind_of_spoiling_changes_a_text(spoil: as_text.Spoil):
    random = Random(1)
    assert {spoil(random, seeds.EVERYTHING) for _ in range(20)} - {seeds.EVERYTHING}


@pytest.mark.parametrize("way", dict.fromkeys([*as_tree.GENTLE, *as_tree.ROUGH]))
def test_every_kind_of_spoiling_changes_a_tree(way: as_tree.Way):
    random, values = Random(1), [{"network": [{"conv": 3}, "gap"]} for _ in range(20)]
    for value in values:
        way(random, value["network"], random.randrange(2))
    assert values != [{"network": [{"conv": 3}, "gap"]}] * 20


@pytest.mark.parametrize("file", seeds.corpus())
def test_the_files_to_spoil_are_right(file: bytes, tmp_path: Path):
    path = spoiling.Case(file).write(tmp_path)
    report, (codes, _, wrong) = fuzz_check.check(path), fuzz_check.examine(path)
    assert not wrong
    if b"double_conv: 16" in file:  # a block from a file of its own
        assert codes == ["AB101"]
    elif b"\nnetwork:" in file and b"\nextends:" not in file:
        assert report.facts
    else:
        assert report.ok or {"AB009", "AB105"} & set(codes)  # a rule pack, or a part of what another file has


@pytest.mark.parametrize("kind", [large.chain, large.files, large.packs])
def test_what_is_made_to_be_large_is_sometimes_right_and_sometimes_not(kind: large.Kind, tmp_path: Path):
    ends: set[bool] = set()
    for number in range(40):
        made = {name: text.encode() for name, text in kind(Random(number)).items()}
        path = spoiling.Case(made.pop(large.CASE), others=made).write(tmp_path)
        codes, _, wrong = fuzz_check.examine(path)
        assert wrong == []
        ends.add(not codes or all("AB400" < code < "AB490" for code in codes))
    assert ends == {True, False}


def test_a_good_part_of_the_cases_is_analysed(tmp_path: Path):
    made = [spoiling.case(2, number) for number in range(300)]
    reports = [fuzz_check.check(case.write(tmp_path), case.overrides, case.rules) for case in made]
    assert sum(report.facts is not None for report in reports) > 40


def test_what_is_no_answer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "case.yaml"
    path.write_bytes(b"archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [gapp]\n")
    good = fuzz_check.check(path)
    (problem,) = good.diagnostics

    def verdict(answer: object) -> str:
        monkeypatch.setattr(fuzz_check, "check", lambda *_: answer)
        return str(fuzz_check.examine(path)[2])

    assert verdict(good) == "[]"
    assert "AttributeError" in verdict(None)
    assert "contradict" in verdict(replace(good, diagnostics=()))
    assert "reported twice" in verdict(replace(good, diagnostics=(problem, problem)))
    assert "not there" in verdict(replace(good, diagnostics=(replace(problem, span=problem.span._replace(line=9)),)))
    assert "outside the files" in verdict(replace(good, diagnostics=(replace(problem, span=Span("<built in>")),)))


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)  # not for the other tests of this process
    assert fuzz_check.main(["--cases", "5"]) == 0
    assert "failed: 0" in capsys.readouterr().out
