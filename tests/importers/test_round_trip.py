"""YAML -> module -> YAML: what archbuilder builds, its importer reads back as the same network."""

from __future__ import annotations

from pathlib import Path

import pytest

import archbuilder
from archbuilder.importers import Imported, convert
from archbuilder.ir.graph import Graph
from archbuilder.pipeline import analyse_file
from tests.ir.choices import Seeded
from tests.ir.networks import Writer

ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*ROOT.glob("architectures/**/*.yaml"), *ROOT.glob("tests/networks/*.yaml")])
REFUSED = {"pratikiiitb2013": {"AB306"}}  # branches of unequal strides: written nevertheless, and refused by check
RANDOM = 30


def back(graph: Graph) -> Imported:
    return convert(archbuilder.build(graph), graph.input.dims)


def compare(graph: Graph, found: Imported) -> None:
    """The totals of two graphs, and the kinds of their layers with parameters."""
    assert found.report.graph is not None
    assert found.proof.difference < 1e-5
    ours, theirs = (
        sorted(str(node.op) for node in g.nodes.values() if node.op.params(g.inputs(node)))
        for g in (found.report.graph, graph)
    )
    assert ours == theirs


def test_there_are_files():
    assert len(FILES) > 25


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_networks(path: Path):
    graph, facts = analyse_file(path)
    found = back(graph)
    assert {d.code.id for d in found.diagnostics} == REFUSED.get(path.stem, set())
    compare(graph, found)
    assert found.report.facts.params == facts.params
    assert found.report.facts.macs == facts.macs


@pytest.mark.parametrize("number", range(RANDOM))
def test_random_networks(number: int):
    text = Writer(Seeded(f"import:{number}")).network()
    report = archbuilder.check(text)
    if not report.ok or report.graph is None or not report.graph.nodes:
        pytest.skip("the random network does not check")
    found = back(report.graph)
    assert found.ok, text + "\n".join(map(str, found.diagnostics))
    compare(report.graph, found)
