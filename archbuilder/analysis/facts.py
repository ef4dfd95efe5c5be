"""The numbers of a network: per layer, and in total."""

from __future__ import annotations

from dataclasses import dataclass

from archbuilder.analysis.field import field_value
from archbuilder.diagnostics import Diagnostic
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import OpError
from archbuilder.ir.reach import Reach


@dataclass(frozen=True)
class Layer:
    """The numbers of one node: scalars of parameters and buffers, MACs for one image, receptive field.

    A shared layer's parameters and buffers count where it is first run.
    """

    node: Node
    params: int
    buffers: int
    macs: int
    reach: Reach

    @property
    def frozen_params(self) -> int:
        return self.params if self.node.op.frozen else 0


@dataclass(frozen=True)
class Facts:
    """The layers in execution order and their totals.

    `field` is the receptive field before the global pool, which is what a limit means; `field_with_gap`
    that of the output.
    """

    layers: tuple[Layer, ...]
    field: Reach
    field_with_gap: Reach

    @property
    def params(self) -> int:
        return sum(layer.params for layer in self.layers)

    @property
    def frozen_params(self) -> int:
        return sum(layer.frozen_params for layer in self.layers)

    @property
    def buffers(self) -> int:
        return sum(layer.buffers for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)


def analyse(graph: Graph, diagnostics: list[Diagnostic]) -> Facts:
    """The facts of a graph whose shapes fit; what ops complain about goes to `diagnostics`."""
    reaches: dict[str, Reach] = {INPUT: Reach()}
    layers = []
    for node in graph.nodes.values():
        shapes = graph.inputs(node)
        inputs = tuple(reaches[name] for name in node.inputs)
        try:
            reach = node.op.reach(inputs, shapes)
        except OpError as error:
            where = ": " + ", ".join(node.inputs)
            diagnostics.append(error.code.at(node.span, error.message + where, error.hint))
            reach = inputs[0].at_least("unknown")
        reaches[node.name] = reach
        params, buffers = (0, 0) if node.shared else (node.op.params(shapes), node.op.buffers(shapes))
        layers.append(Layer(node, params, buffers, node.op.macs(shapes), reach))
    return Facts(tuple(layers), reaches[field_value(graph)], reaches[graph.output])
