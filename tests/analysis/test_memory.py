"""Memory without torch against memory with torch: what autograd saves, and which storages are alive at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.autograd.graph import saved_tensors_hooks

import archbuilder
from archbuilder.analysis.memory import measure
from archbuilder.ir import ops
from archbuilder.ir.graph import INPUT, Graph
from archbuilder.modules import build
from tests.ir.cases import OPS, graphs
from tests.ir.choices import Seeded
from tests.ir.networks import Writer

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "architectures").rglob("*.yaml"))
FLOAT = 4  # bytes; on a CPU a dropout's mask has the dtype of the network


def saved(graph: Graph) -> int:
    """Bytes of all storages that torch keeps from forward to backward, parameters and buffers left out."""
    module = build(graph).train()
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    kept: dict[int, int] = {}
    held = []  # so that no storage's address is used twice

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        module(torch.randn(1, *graph.input.dims))
    return sum(kept.values())


def live(graph: Graph) -> list[int]:
    """Bytes of the storages alive while each layer runs, with real tensors.

    A norm, activation or scale hands its input on as its output where nothing else needs that later.
    """
    module, nodes = build(graph).eval(), list(graph.nodes.values())
    last = {name: i for i, node in enumerate(nodes) for name in node.inputs} | {graph.output: len(nodes)}
    values = {INPUT: torch.randn(1, *graph.input.dims)}
    found = []
    for i, node in enumerate(nodes):
        x = values[node.inputs[0]]
        same = [name for name, value in values.items() if value.data_ptr() == x.untyped_storage().data_ptr()]
        same += [
            name
            for name, value in values.items()
            if value.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        ]
        if node.op.in_place and all(last[name] <= i for name in same):
            out = x
        else:
            out = module.get_submodule(node.module)(*(values[name] for name in node.inputs))
        values[node.name] = out
        last.setdefault(node.name, i)
        found.append(
            sum({v.untyped_storage().data_ptr(): v.untyped_storage().nbytes() for v in values.values()}.values())
        )
        values = {name: value for name, value in values.items() if last[name] > i}
    return found


def agrees(graph: Graph) -> None:
    memory = measure(graph, mask=FLOAT)
    assert memory.training_bytes() == saved(graph)
    with torch.no_grad():
        found = live(graph)
    assert [FLOAT * scalars for scalars in memory.live] == found
    if found:
        assert memory.peak_bytes() == max(found)
        assert memory.peak == found.index(max(found))


@pytest.mark.parametrize("kind", OPS, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_ops_keep_what_torch_keeps(kind, data):
    graph = data.draw(graphs(kind))
    batch_norms = [node for node in graph.nodes.values() if isinstance(node.op, ops.BatchNorm2d)]
    assume(all((node.shape.h, node.shape.w) != (1, 1) for node in batch_norms))  # torch trains none over one value
    agrees(graph)


@pytest.mark.parametrize("merge", ["add", "multiply", "concat"])
def test_a_merge_of_a_single_value_has_a_memory(merge):
    network = f"network: [{{conv: {{name: a, out: 4}}}}, {{join: {{from: a, merge: {merge}}}}}]"
    graph, facts = archbuilder.pipeline.analyse_file(f"archbuilder: 1\ninput: [3, 8, 8]\n{network}\n")
    assert facts.memory.training_bytes() >= saved(graph)


def trainable(graph: Graph) -> bool:
    """Whether torch runs a batch of one image in training, and lays every map out as usual."""
    norms = [n for n in graph.nodes.values() if isinstance(n.op, (ops.BatchNorm2d, ops.InstanceNorm2d))]
    return all(node.shape.h * node.shape.w > 1 for node in norms)


def test_random_networks_keep_what_torch_keeps():
    count = 0
    for number in range(100):
        report = archbuilder.check(Writer(Seeded(f"memory:{number}")).network())
        if report.ok and report.graph and report.graph.nodes and trainable(report.graph):
            agrees(report.graph)
            count += 1
    assert count > 60


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_keep_what_torch_keeps(path):
    graph, facts = archbuilder.pipeline.analyse_file(path)
    agrees(graph)
    assert facts.weight_bytes() == sum(t.nbytes for t in build(graph).state_dict().values())
    assert facts.weight_bytes("float16") == sum(t.nbytes for t in build(graph).half().state_dict().values())
