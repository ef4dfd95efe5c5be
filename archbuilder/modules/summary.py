"""The table of torchinfo beside archbuilder's own totals, with the reason if the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torchinfo

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Conv2d
from archbuilder.ir.shape import Shapes
from archbuilder.modules.network import build
from archbuilder.reporting.width import wrapped

TOO_DEEP = declare(
    "AB214",
    "a network that nests too deep for torchinfo",
    why=(
        "torchinfo counts the parameters of a module again for every module around it. Each level of nesting doubles "
        "the time for its table; with 40 levels it would never finish."
    ),
    bad="""\
$ python nested.py 39 > deep.yaml
$ archbuilder summary deep.yaml""",
    good="$ archbuilder summary net.yaml",
)
MOST_STEPS = 2**21  # bound on torchinfo's work for nested modules: some seconds
COLUMNS = ("output_size", "num_params", "kernel_size", "mult_adds")
NARROW = ((("output_size", "num_params", "mult_adds"), 17), (COLUMNS[:2], 17), (("num_params",), 12))  # and how wide


def summary(graph: Graph, facts: Facts, width: int | None = None) -> str:
    """torchinfo's table of the built module for one image, then a line per total.

    width: of the screen; a narrow one gets fewer columns. Raises ArchbuilderError AB214 if it would take too long.
    """
    if sum(2 ** node.name.count(".") for node in graph.nodes.values()) > MOST_STEPS:
        message = f"{graph.name} nests so deeply that torchinfo's table would take minutes or longer"
        raise ArchbuilderError(TOO_DEEP.at(Span(graph.name), message, "use the other table: --style torchsummary"))
    x = graph.input
    statistics = torchinfo.summary(
        build(graph),
        input_size=(1, *x.dims),
        depth=99,
        verbose=0,
        device="cpu",
        col_names=COLUMNS,
        row_settings=("var_names", "depth"),
    )
    if width is not None:
        _fit(statistics, width)
    lines = compare(graph, facts, statistics.total_params, statistics.total_mult_adds)
    return "\n".join([str(statistics), wrapped("\n".join(lines), width)])


def _fit(statistics: torchinfo.ModelStatistics, width: int) -> None:
    """Drop columns of torchinfo's table until it fits the screen."""
    formatting: Any = statistics.formatting
    for names, each in NARROW:
        if formatting.get_total_width() <= width:
            return
        formatting.col_names, formatting.col_width = names, each


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
    """The multiply-adds that torchinfo counts for one call of a layer in addition to its MACs.

    It multiplies the size of every weight and bias by the positions of a conv's output, and by
    one for every other layer (torchinfo 1.8.0, LayerInfo.calculate_macs).
    """
    op = node.op
    if isinstance(op, Conv2d):
        return op.bias * node.shape.elements
    return op.params(inputs) - op.macs(inputs)
