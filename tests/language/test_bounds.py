"""Networks that are mistaken or hostile, but not in their YAML: answered at once, by a bounded number of findings."""

from __future__ import annotations

import time

import pytest

from archbuilder.pipeline import Report, check

SECONDS = 2.0  # of processor time; all of these take less than one


def answered(blocks: str, side: int = 32) -> Report:
    start = time.process_time()
    report = check(f"archbuilder: 1\ninput: [4, {side}, {side}]\nnetwork: [{blocks}]\n")
    assert time.process_time() - start < SECONDS
    return report


def codes(report: Report) -> set[str]:
    return {d.code.id for d in report.diagnostics}


MANY = {
    "the same mistake in every repetition": ("{repeat: {times: 3500, blocks: [{conv: {out: 4, groups: 3}}]}}", 1),
    "a mistake before layers without end": (
        "{conv: {out: 4, groups: 3}}, {repeat: {times: 3500, blocks: [{conv: 4}]}}", 1,
    ),
    "thousands of mistakes": (", ".join(f"{{conv: {{out: 4, groups: {n}}}}}" for n in range(5, 4005)), 101),
}  # fmt: skip


@pytest.mark.parametrize("blocks", MANY)
def test_mistakes(blocks: str):
    text, count = MANY[blocks]
    report = answered(text)
    assert not report.ok and len(report.diagnostics) == count
    assert codes(report) == ({"AB301", "AB010"} if count > 100 else {"AB301"})


def test_thousands_of_merges_that_are_not_aligned():
    paths = "[{strided: 4}], [{conv: {out: 4, kernel: 17, padding: valid}}]"
    merges = (f"{{branches: {{name: b{n}, merge: add, paths: [{paths}]}}}}, {{upsample: 2}}" for n in range(500))
    report = answered(", ".join(merges))
    assert codes(report) == {"AB306", "AB010"} and len(report.diagnostics) == 101


LAYERS = {
    "global pools": ("{repeat: {times: 11000, blocks: [gap]}}", 32, {"AB413"}),
    "gates": ("{repeat: {times: 1900, blocks: [squeeze_excite]}}", 32, set()),
    "windows that read padding": (
        "{repeat: {times: 5900, blocks: [{conv: {out: 1, kernel: 99, order: conv}}, activation]}}", 32,
        {"AB407", "AB410"},
    ),
    "strides over large maps": (
        "{repeat: {times: 5900, blocks: [{max_pool: {kernel: 999, stride: 2, padding: 499}}, {upsample: 2}]}}", 9999,
        set(),
    ),
    "strides that leave pixels unread": (
        "{repeat: {times: 3500, blocks: [{conv: {out: 1, kernel: 2, stride: 3, order: conv}}, {upsample: 3}]}}", 9999,
        {"AB411"},
    ),
    "a merge of thousands": (
        "{branches: {merge: add, paths: [" + ", ".join(["[activation]"] * 5000) + "]}}", 32, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("blocks", LAYERS)
def test_layers(blocks: str):
    text, side, warnings = LAYERS[blocks]
    report = answered(text, side)
    assert report.ok and codes(report) == warnings


def test_connections_are_bounded_as_layers_are():
    names = [f"n{number}" for number in range(99)]
    blocks = ", ".join(f"{{activation: {{name: {name}}}}}" for name in names)
    report = answered(f"{blocks}, {{repeat: {{times: 1000, blocks: [{{join: {{from: [{', '.join(names)}]}}}}]}}}}")
    assert codes(report) == {"AB201"}


def test_names_in_a_list_are_bounded():
    report = answered(f"{{activation: {{name: a}}}}, {{join: {{from: [{', '.join(['a'] * 20_000)}]}}}}")
    (problem,) = report.diagnostics
    assert problem.code.id == "AB103" and "20000 names" in problem.message
