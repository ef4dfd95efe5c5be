"""A few hundred spoilt files, the same in every run; tests/fuzz_check.py makes as many as wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.diagnostics import Span
from tests import fuzz_check

CASES, CHUNK = 500, 50


@pytest.mark.parametrize("start", range(0, CASES, CHUNK))
def test_spoilt_files_are_answered_by_diagnostics(start: int, tmp_path: Path):
    path = tmp_path / "case.yaml"
    for number in range(start, start + CHUNK):
        path.write_bytes(fuzz_check.case(0, number))
        assert fuzz_check.examine(path)[2] == [], f"python -m tests.fuzz_check --only {number}"


@settings(max_examples=200)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    codes, _, wrong = fuzz_check.examine(path)
    assert codes and not wrong


def test_every_kind_of_spoiling_changes_something():
    random = fuzz_check.Random(1)
    for spoil in fuzz_check.SPOILS:
        assert {spoil(random, fuzz_check.EVERYTHING) for _ in range(20)} - {fuzz_check.EVERYTHING}, spoil.__name__


def test_the_file_to_spoil_is_right(tmp_path: Path):
    path = tmp_path / "case.yaml"
    path.write_bytes(fuzz_check.EVERYTHING)
    assert fuzz_check.check(path).ok and fuzz_check.examine(path)[2] == []


def test_what_is_no_answer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "case.yaml"
    path.write_bytes(b"archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [gapp]\n")
    good = fuzz_check.check(path)
    (problem,) = good.diagnostics

    def verdict(answer: object) -> str:
        monkeypatch.setattr(fuzz_check, "check", lambda path: answer)
        return str(fuzz_check.examine(path)[2])

    assert verdict(good) == "[]"
    assert "AttributeError" in verdict(None)
    assert "contradict" in verdict(replace(good, diagnostics=()))
    assert "reported twice" in verdict(replace(good, diagnostics=(problem, problem)))
    assert "not there" in verdict(replace(good, diagnostics=(replace(problem, span=problem.span._replace(line=9)),)))
    assert "outside" in verdict(replace(good, diagnostics=(replace(problem, span=Span("<built in>")),)))


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)  # not for the other tests of this process
    assert fuzz_check.main(["--cases", "5"]) == 0
    assert "failed: 0" in capsys.readouterr().out
