"""The table of torchinfo beside archbuilder's own totals, and why the two differ where they do."""

from __future__ import annotations

from collections.abc import Iterator

import torchinfo

from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Conv2d
from archbuilder.ir.shape import Shapes
from archbuilder.modules.network import build


def summary(graph: Graph, facts: Facts) -> str:
    """torchinfo's table of the built module for one image, then a line per total."""
    x = graph.input
    statistics = torchinfo.summary(
        build(graph),
        input_size=(1, *x.dims),
        depth=99,
        verbose=0,
        device="cpu",
        col_names=("output_size", "num_params", "kernel_size", "mult_adds"),
        row_settings=("var_names", "depth"),
    )
    lines = compare(graph, facts, statistics.total_params, statistics.total_mult_adds)
    return "\n".join([str(statistics), *lines])


def compare(graph: Graph, facts: Facts, params: int, mult_adds: int) -> Iterator[str]:
    """archbuilder's totals against torchinfo's."""
    yield _line("parameters", facts.params, params, "")
    extra = sum(_counted_by_torchinfo(node, graph.inputs(node)) for node in graph.nodes.values())
    why = f"torchinfo also counts {extra:,} for biases and norms"
    if mult_adds != facts.macs + extra:
        why += f"; {mult_adds - facts.macs - extra:+,} are not explained by that"
    yield _line("MACs", facts.macs, mult_adds, why)


def _line(name: str, own: int, theirs: int, why: str) -> str:
    if own == theirs:
        return f"{name}: {own:,}, as torchinfo says"
    return f"{name}: {own:,}; torchinfo says {theirs:,}" + (f": {why}" if why else "")


def _counted_by_torchinfo(node: Node, inputs: Shapes) -> int:
    """What torchinfo counts as multiply-adds of one call of a layer beside its MACs.

    It multiplies the size of every weight and bias by the positions of a conv's output, and by
    one for every other layer (torchinfo 1.8.0, LayerInfo.calculate_macs).
    """
    op = node.op
    if isinstance(op, Conv2d):
        return op.bias * node.shape.elements
    return op.params(inputs) - op.macs(inputs)
