"""The graph as JSON, Mermaid and SVG."""

from __future__ import annotations

import json as standard
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from archbuilder.analysis.facts import Facts
from archbuilder.exporters import json, mermaid, svg
from archbuilder.exporters.diagram import blocks, diagram, labels, stages
from archbuilder.exporters.svg.layout import Box, layout
from archbuilder.ir import ops
from archbuilder.ir.graph import Graph
from tests.exporters.samples import NETWORKS, analysed, random_networks

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(ROOT.glob("architectures/**/*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"


def networks() -> Iterator[tuple[Graph, Facts]]:
    """The shipped networks, the samples, and random ones."""
    yield from (analysed(path) for path in FILES)
    yield from map(analysed, NETWORKS.values())
    yield from map(analysed, random_networks(60, "draw"))


def test_json_has_all_that_makes_the_ops_anew():
    for graph, facts in networks():
        content = standard.loads(json.export(graph, facts))
        assert content["version"] == 1
        assert (content["name"], content["input"]) == (graph.name, list(graph.input.dims))
        assert [node["name"] for node in content["nodes"]] == list(graph.nodes)
        assert content["totals"]["params"] == sum(node["params"] for node in content["nodes"]) == facts.params
        for node, found in zip(graph.nodes.values(), content["nodes"], strict=True):
            given = {
                key: tuple(value) if isinstance(value, list) else value for key, value in found["arguments"].items()
            }
            assert getattr(ops, found["op"])(**given) == node.op
            assert (found["inputs"], found["module"]) == (list(node.inputs), node.module)
            assert found["shape"] == list(node.shape.dims)


def test_json_is_stable():
    graph, facts = analysed(NETWORKS["gates"])
    assert json.export(graph, facts) == json.export(*analysed(NETWORKS["gates"]))
    head = standard.loads(json.export(graph, facts))
    assert list(head) == ["version", "archbuilder", "name", "input", "classes", "output", "totals", "nodes"]
    first = head["nodes"][0]
    assert first["line"] == 5
    assert first["receptive_field"] == {
        "size": [3, 3],
        "stride": [1, 1],
        "start": [-1, -1],
        "least": [3, 3],
        "status": "exact",
    }


def test_mermaid_has_every_block_and_edge():
    for graph, facts in networks():
        text, drawn = mermaid.export(graph, facts), diagram(graph, facts)
        lines = text.splitlines()
        assert lines[0] == "flowchart TD"
        assert text.isascii()
        names = set(re.findall(r"^ +(n\d+)[\[(]", text, re.MULTILINE))
        assert len(names) == len(list(blocks(drawn.series.items)))
        edges = [re.fullmatch(r' +(n\d+) -->\|"([^"]+)"\| (n\d+)', line) for line in lines if "-->" in line]
        assert len(edges) == len(drawn.edges)
        for edge in edges:
            assert edge and edge[1] in names and edge[3] in names
        assert text.count("subgraph") == sum(line.strip() == "end" for line in lines) == len(list(stages(drawn.series)))
        identities = re.findall(r"subgraph (\w+)", text)
        assert len(identities) == len(set(identities))


def test_mermaid_of_a_skip():
    text = mermaid.export(*analysed(NETWORKS["gates"]))
    assert '(("#215;"))' in text
    assert text.count("  n4 -->") == 2  # into the body and around it


def test_every_value_has_its_label_in_the_drawing():
    for graph, facts in networks():
        source, drawn = svg.export(graph, facts), diagram(graph, facts)
        assert source.isascii()
        root = ElementTree.fromstring(source)
        notes = [element.text for element in root.iter(f"{SVG}text") if element.get("class") == "note"]
        for edge in drawn.edges:
            assert drawn.labels[edge.value] in notes
        assert labels(facts).items() <= drawn.labels.items()
        lines = [element for element in root.iter(f"{SVG}path") if element.get("class") == "line"]
        assert len(lines) == len(drawn.edges)


def test_nothing_overlaps_and_nothing_leaves_the_drawing():
    for graph, facts in networks():
        drawn = diagram(graph, facts)
        placed = layout(drawn)
        cards = []
        for block in blocks(drawn.series.items):
            box, half = placed.of(block), placed.half(block)
            cards.append(Box(half, half, box.height, box.x, box.y))
        for number, card in enumerate(cards):
            assert inside(card, placed.width, placed.height)
            assert not any(overlap(card, other) for other in cards[:number])
        tracks = [(way, way.track) for way in placed.ways if way.track is not None]
        for way, track in tracks:
            assert 0 < track < placed.width + 1  # there is a margin around
            top, bottom = placed.of(way.fork or way.edge.source).y, placed.of(way.edge.target).middle
            beside = [c for c in cards if c.y < bottom and c.bottom > top and c.x - c.left < track < c.x + c.right]
            assert not beside, f"{graph.name}: a line runs through a block"


def inside(box: Box, width: float, height: float) -> bool:
    x, right = round(box.x - box.left, 3), round(box.x + box.right - width, 3)
    return x >= 0 >= right and box.y >= 0 and box.bottom <= height


def overlap(one: Box, other: Box) -> bool:
    apart = one.x + one.right <= other.x - other.left or other.x + other.right <= one.x - one.left
    return not (apart or one.bottom <= other.y or other.bottom <= one.y)


def test_stages_are_frames_and_skips_are_not():
    graph, facts = analysed(ROOT / "architectures" / "c1c2c3c40.yaml")
    assert [stage.title for stage in stages(diagram(graph, facts).series)] == ["C1", "C2", "C3", "C4"]


def test_titles_are_whole_in_the_drawing():
    root = ElementTree.fromstring(svg.export(*analysed(ROOT / "architectures" / "c1c2c3c40.yaml")))
    titles = [element.text for element in root.iter(f"{SVG}text") if element.get("class") == "title"]
    assert titles[:4] == ["input", "conv", "dilated", "strided"]
    assert titles[-1] == "output"


@pytest.mark.parametrize("exporter", [json, mermaid, svg])
def test_shared_layers_name_their_owner(exporter):
    assert "twice" in exporter.export(*analysed(NETWORKS["shared"]))
    if exporter is not json:
        assert "shares twice" in exporter.export(*analysed(NETWORKS["shared"]))
