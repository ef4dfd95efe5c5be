"""Random whole networks, from YAML text on, against torch and against a walk with index sets."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings

import archbuilder
from tests import fuzz
from tests.ir.choices import Seeded
from tests.ir.networks import Writer, networks


@settings(max_examples=250)
@given(text=networks())
def test_network_equals_torch(text: str):
    codes, found = fuzz.examine(text)
    assert found == []
    assume(not codes)  # refused for what a random network may be refused for


def test_most_random_networks_are_valid():
    """Otherwise the test above would cover too little."""
    reports = [archbuilder.check(Writer(Seeded(f"valid:{number}")).network()) for number in range(500)]
    assert sum(report.ok for report in reports) >= 450
    blocks = {node.block for report in reports if report.graph for node in report.graph.nodes.values()}
    assert blocks >= {
        "conv", "dilated", "strided", "grouped", "depthwise", "depthwise_separable", "pointwise", "skip", "branches",
        "max_pool", "avg_pool", "gap", "flatten", "linear", "classifier", "norm", "activation", "dropout", "upsample",
        "adaptive_avg_pool", "adaptive_max_pool", "join", "squeeze_excite", "channel_shuffle", "scale",
    }  # fmt: skip
    notes = {node.note.partition(":")[0] for report in reports if report.graph for node in report.graph.nodes.values()}
    assert notes >= {"shortcut"}
    assert any(node.shared for report in reports if report.graph for node in report.graph.nodes.values())
    sizes = [max(report.facts.field.size) for report in reports if report.facts]
    assert sum(size > 30 for size in sizes) >= 100


def test_command_counts_disagreements(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    assert fuzz.main(["--graphs", "5", "--seed", "1"]) == 0
    assert "disagreements: 0" in capsys.readouterr().out
    monkeypatch.setattr(fuzz, "disagreements", lambda graph, facts: ["shape of conv: 1 and 2"])
    assert fuzz.main(["--graphs", "5", "--seed", "1"]) == 1
    out = capsys.readouterr().out
    held = int(re.search(r"(\d+) held against torch", out)[1])  # a refused network is none
    assert held >= 3
    assert f"disagreements: {held}\n" in out
    assert len(re.findall(r"# network \d of seed 1\n", out)) == held
    assert "\nshape of conv: 1 and 2\n" in out


@pytest.mark.parametrize(
    "text", ["network: [conv]", "archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{conv: 8, gap: 1}]\n"]
)
def test_refusal_that_no_random_network_explains_is_a_disagreement(text: str):
    _, found = fuzz.examine(f"{text}\n")
    assert found


def test_module_that_cannot_run_is_a_disagreement(monkeypatch: pytest.MonkeyPatch):
    def fails(graph: object, facts: object) -> list[str]:
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(fuzz, "disagreements", fails)
    text = "archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{conv: 8}]\n"
    assert fuzz.examine(text) == ([], ["RuntimeError: sizes do not match"])
