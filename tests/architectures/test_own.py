"""The networks that are shipped check clean, and build."""

from pathlib import Path

import pytest
import torch

import archbuilder

ROOT = Path(__file__).parent.parent.parent
ARCHITECTURES = ROOT / "architectures"
TRIED = sorted((ROOT / "benchmarks" / "tried").glob("*.yaml"))
OWN = [*sorted(ARCHITECTURES.glob("*.yaml")), *TRIED]
FLAGSHIPS = {"fast85": 200_000, "fast90": 200_000, "tiny": 50_001}


def test_there_are_some():
    assert {path.stem for path in OWN} >= {"c1c2c3c40", "quickstart", *FLAGSHIPS}


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_checks_clean_and_builds(path):
    report = archbuilder.check(path)
    assert report.diagnostics == ()
    assert report.limits, "a shipped network states its limits"
    assert all(limit.ok for limit in report.limits)
    assert report.name == path.stem
    x = torch.zeros(2, *report.graph.input.dims)
    module = archbuilder.build(report.graph)
    assert module(x).shape == (2, report.graph.classes)
    assert sum(p.numel() for p in module.parameters()) == report.facts.params


@pytest.mark.parametrize("name", FLAGSHIPS)
def test_a_flagship_satisfies_the_assignment_in_full(name):
    report = archbuilder.check(ARCHITECTURES / f"{name}.yaml", rules=["era-s9"])
    assert report.rules
    assert all(verdict.ok for verdict in report.rules)
    assert report.facts.params < FLAGSHIPS[name]


def test_c1c2c3c40_meets_the_assignment():
    """The rules that are not limits, looked at without the pack."""
    report = archbuilder.check(ARCHITECTURES / "c1c2c3c40.yaml")
    convs = {}
    for layer in report.facts.layers:
        stage, *_ = layer.node.name.split(".")
        if layer.node.op.describe().startswith("conv"):
            convs.setdefault(stage, []).append(layer)
    assert list(convs) == ["C1", "C2", "C3", "C4", "classifier"]
    for stage in ("C1", "C2", "C3"):
        assert len([c for c in convs[stage] if not c.node.name.endswith("pointwise.conv")]) >= 3
        assert convs[stage][-1].node.op.stride == (2, 2)
    ops = [layer.node.op for layer in report.facts.layers]
    assert not any("max pool" in op.describe() for op in ops)
    assert any(op.describe() == "global avg pool" for op in ops)
    assert any(getattr(op, "dilation", (1, 1)) != (1, 1) and op.kernel != (1, 1) for op in ops)
    assert any(layer.node.op.groups == layer.node.shape.c > 1 for layer in convs["C2"])
    assert (report.spec.input, report.spec.classes) == ((3, 32, 32), 10)
