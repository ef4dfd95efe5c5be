"""The table of torchinfo beside archbuilder's own totals, and why the two differ where they do."""

from __future__ import annotations

from collections.abc import Iterator

import torchinfo

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.ir.graph import Graph
from archbuilder.ir.ops import Conv2d
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
    lines = compare(facts, statistics.total_params, statistics.total_mult_adds)
    return "\n".join([str(statistics), *lines])


def compare(facts: Facts, params: int, mult_adds: int) -> Iterator[str]:
    """archbuilder's totals against torchinfo's."""
    yield _line("parameters", facts.params, params, "")
    extra = sum(map(_counted_by_torchinfo, facts.layers))
    why = f"torchinfo also counts {extra:,} for biases and norms"
    if mult_adds != facts.macs + extra:
        why += f"; {mult_adds - facts.macs - extra:+,} are not explained by that"
    yield _line("MACs", facts.macs, mult_adds, why)


def _line(name: str, own: int, theirs: int, why: str) -> str:
    if own == theirs:
        return f"{name}: {own:,}, as torchinfo says"
    return f"{name}: {own:,}; torchinfo says {theirs:,}" + (f": {why}" if why else "")


def _counted_by_torchinfo(layer: Layer) -> int:
    """What torchinfo counts as multiply-adds of a layer beside its MACs.

    It multiplies the size of every weight and bias by the positions of a conv's output, and by
    one for every other layer (torchinfo 1.8.0, LayerInfo.calculate_macs).
    """
    op, shape = layer.node.op, layer.node.shape
    if isinstance(op, Conv2d):
        return op.bias * shape.elements
    return layer.params - layer.macs
