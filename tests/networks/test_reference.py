"""Networks of other people, written in the language: equal to the originals leaf by leaf, and in every number."""

from __future__ import annotations

import json

import pytest

import archbuilder
from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.ir import ops
from archbuilder.modules import build
from archbuilder.pipeline import check
from tests.networks.gradient import with_gradient
from tests.networks.reference import CALLS, HERE, NAMES, REFERENCE, executed, in_order_of, load, original, path

REFUSED = {"pratikiiitb2013": "AB306"}  # adds paths of stride 1 and 2, whose shapes agree only at 32 pixels
SOUND = [name for name in NAMES if name not in REFUSED]
NEVER_CALLED = {"seed001": 1_792, "rajayourfriend": 73_856}  # parameters of layers that are built and not used


def test_every_network_is_here():
    assert len(NAMES) == 22
    assert {file.stem for file in HERE.glob("*.yaml")} == {name for name in NAMES if not name.startswith("seed")}


@pytest.mark.parametrize("name", NAMES)
def test_source_is_named(name):
    assert path(name).read_text().startswith("# Source: ")
    assert check(path(name)).name == name


@pytest.mark.parametrize("name", NAMES)
def test_every_executed_leaf_equals_the_original(name):
    graph, _ = load(name)
    layers, leaves = original(name), executed(graph)
    assert [leaves[node.name] for node in in_order_of(layers, graph, leaves, CALLS[name])] == layers


@pytest.mark.parametrize("name", NAMES)
def test_every_merge_is_of_the_same_layers(name):
    graph, _ = load(name)
    layers, leaves = original(name), executed(graph)
    nodes = in_order_of(layers, graph, leaves, CALLS[name])
    called = {node.name: layer["name"] for node, layer in zip(nodes, REFERENCE[name]["layers"], strict=False)}
    merges = [node for node in graph.nodes.values() if isinstance(node.op, ops.Add | ops.Concat | ops.Multiply)]
    called |= {node.name: f"add{number}" for number, node in enumerate(merges, 1)}
    found = [[type(node.op).__name__.lower(), *(called[value] for value in node.inputs)] for node in merges]
    assert list(map(unordered, found)) == list(map(unordered, REFERENCE[name]["merges"]))


def unordered(merge: list[str]) -> list[str]:
    """The order of a concatenation determines the channels; the order of a sum has no effect."""
    kind, *values = merge
    return merge if kind == "concat" else [kind, *sorted(values)]


def test_functional_activations_stand_where_the_original_calls_them():
    """conv, relu, norm, eleven times: the calls leave no trace in the original's leaves."""
    graph, _ = load("pyarakasrikanth")
    kinds = [leaf["type"] for leaf in executed(graph).values()]
    around = [kinds[i - 1 : i + 2] for i, kind in enumerate(kinds) if kind == "ReLU"]
    assert around == [["Conv2d", "ReLU", "BatchNorm2d"]] * 11


@pytest.mark.parametrize("name", NAMES)
def test_totals_equal(name):
    graph, facts = load(name)
    reference = REFERENCE[name]
    assert facts.params == sum(layer["params"] for layer in reference["layers"])
    assert facts.params == sum(p.numel() for p in build(graph).parameters())
    unused = sum(layer["params"] for layer in reference["unused"])
    assert unused == NEVER_CALLED.get(name, 0)
    assert facts.params == reference["total_params"] - unused


@pytest.mark.parametrize("name", SOUND)
def test_check_gives_the_published_facts(name, capsys):
    params, field = load(name)[1].params, REFERENCE[name]["true_rf"]
    met = {"params": params < 200_000, "receptive_field": min(field) > 44}
    status = main(["check", str(path(name)), "--format", "json"])
    (report,) = json.loads(capsys.readouterr().out)["files"]
    assert status == (0 if all(met.values()) else 1)
    assert report["totals"]["receptive_field"] == field
    assert report["totals"]["receptive_field_status"] == "exact"
    assert {limit["name"]: limit["ok"] for limit in report["limits"]} == met
    errors = [d["code"] for d in report["diagnostics"] if d["severity"] == "error"]
    assert errors == ["AB503"] * list(met.values()).count(False)


def test_a_merge_of_unequal_strides_is_refused_by_name():
    """pratikiiitb2013: its field depends on the position, so the reference has no number for it either."""
    for name, code in REFUSED.items():
        assert REFERENCE[name]["true_rf"] is None
        report = check(path(name))
        assert {d.code.id for d in report.errors} == {code}
        assert len(report.errors) == 3  # one for each of its three merges
        assert all("1x1 and 2x2" in d.message for d in report.errors)
        assert report.facts.field.status == "unknown"
        with pytest.raises(ArchbuilderError, match=code):
            archbuilder.build(path(name))


@pytest.mark.parametrize("name", NEVER_CALLED)
def test_a_layer_that_is_never_called_cannot_be_written(name):
    """The language has no such layer; the file notes which layers of the original are missing."""
    assert f"{REFERENCE[name]['total_params']:,}" in path(name).read_text()
    assert load(name)[1].params == REFERENCE[name]["total_params"] - NEVER_CALLED[name]


# ---- the receptive field by gradient ----


@pytest.mark.parametrize("name", SOUND)
def test_receptive_field_is_what_has_a_gradient(name):
    graph, facts = load(name)
    for axis, (reach, true) in enumerate(zip((facts.field.h, facts.field.w), REFERENCE[name]["true_rf"], strict=True)):
        unit, first, last = with_gradient(graph, axis, true + 3 * reach.stride)
        assert last - first + 1 == true == reach.size
        assert (first, last) == (reach.stride * unit + reach.lo, reach.stride * unit + reach.hi)
