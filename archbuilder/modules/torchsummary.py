"""A table in the layout of torchsummary, which many courses use, with a note about its wrong total.

torchsummary 1.5.1 prints a row for every call of a layer, counts the parameters of that row, and adds the
rows up: a layer that runs three times counts three times.  The sizes are those of 4-byte numbers, the
activations doubled for their gradients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import Graph
from archbuilder.modules.layers import layer

LINE = "{:>20}  {:>25} {:>15}"
WIDTH = 64
MIB_OF_FLOATS = 4 / 2**20


@dataclass(frozen=True)
class Row:
    """One call of a layer: its torch class, its output without the batch, its parameters."""

    kind: str
    dims: tuple[int, ...]
    params: int
    frozen: bool


def rows(graph: Graph) -> list[Row]:
    """A row for every call, in execution order."""
    made = []
    for node in graph.nodes.values():
        inputs = graph.inputs(node)
        made.append(Row(layer(node.op, inputs).name, node.shape.dims, node.op.params(inputs), node.op.frozen))
    return made


def torchsummary(graph: Graph, facts: Facts) -> str:
    """The table, its totals, and a note if the total is not the number of parameters."""
    table = rows(graph)
    lines = ["-" * WIDTH, LINE.format("Layer (type)", "Output Shape", "Param #"), "=" * WIDTH]
    lines += [
        LINE.format(f"{row.kind}-{number}", str([-1, *row.dims]), f"{row.params:,}")
        for number, row in enumerate(table, 1)
    ]
    return "\n".join([*lines, "=" * WIDTH, *_totals(graph, table), *_note(graph, facts, table)])


def _totals(graph: Graph, table: list[Row]) -> Iterator[str]:
    total, frozen = sum(row.params for row in table), sum(row.params for row in table if row.frozen)
    yield f"Total params: {total:,}"
    yield f"Trainable params: {total - frozen:,}"
    yield f"Non-trainable params: {frozen:,}"
    yield "-" * WIDTH
    image, params = graph.input.elements * MIB_OF_FLOATS, total * MIB_OF_FLOATS
    activations = 2 * sum(node.shape.elements for node in graph.nodes.values()) * MIB_OF_FLOATS
    yield f"Input size (MB): {image:.2f}"
    yield f"Forward/backward pass size (MB): {activations:.2f}"
    yield f"Params size (MB): {params:.2f}"
    yield f"Estimated Total Size (MB): {image + activations + params:.2f}"
    yield "-" * WIDTH


def _note(graph: Graph, facts: Facts, table: list[Row]) -> Iterator[str]:
    """Why the total above is wrong, if it is."""
    extra = sum(row.params for row in table) - facts.params
    if extra:
        nodes = zip(graph.nodes.values(), table, strict=True)
        calls = Counter(node.module for node, row in nodes if row.params)
        shared = ", ".join(f"{module} {count} times" for module, count in calls.items() if count > 1)
        yield f"Note: the network has {facts.params:,} parameters; the total above is {extra:,} too many, because"
        yield f"torchsummary counts a layer each time it runs, and these share their weights: {shared}."
