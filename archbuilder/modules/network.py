"""The network as an ordinary torch module."""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import attrgetter

from torch import Tensor, nn

from archbuilder import pipeline
from archbuilder.ir.graph import INPUT, Graph
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shapes
from archbuilder.modules import own_layers
from archbuilder.modules.layers import layer


class Scope(nn.Module):
    """Contains the layers of one block or stage under readable names; `Network` runs them."""


class Network(nn.Module):
    """A graph's layers, nested by their paths (C1.conv.norm), run in the graph's order.

    forward: x (batch, c, h, w) -> the output of the graph, (batch, classes) for a classifier.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        nodes = list(graph.nodes.values())
        for node in nodes:
            if not node.shared:
                self._place(node.name, make_layer(node.op, graph.inputs(node)))
        last_use = {name: position for position, node in enumerate(nodes) for name in node.inputs}
        # per step: the name of its value, the path of the layer, the inputs, and the values that can be freed
        # afterwards
        self._plan: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        for position, node in enumerate(nodes):
            done = tuple(name for name in dict.fromkeys(node.inputs) if last_use[name] == position)
            self._plan.append((node.name, node.module, node.inputs, done))
        self._output = graph.output

    def _place(self, path: str, module: nn.Module) -> None:
        *scopes, name = path.split(".")
        parent: nn.Module = self
        for scope in scopes:
            if scope not in parent._modules:
                parent.add_module(scope, Scope())
            parent = parent.get_submodule(scope)
        parent.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        values = {INPUT: x}
        for value, path, inputs, done in self._plan:
            values[value] = attrgetter(path)(self)(*[values[name] for name in inputs])
            for name in done:
                if name != self._output:
                    del values[name]
        return values[self._output]


def make_layer(op: Op, inputs: Shapes) -> nn.Module:
    """The torch layer of one op."""
    made = layer(op, inputs)
    module: nn.Module = getattr(nn, made.name, None) or getattr(own_layers, made.name)
    module = module(**made.keywords)
    if op.frozen:
        module.requires_grad_(False)
    return module


def build(source: Graph | str | os.PathLike[str], overrides: Sequence[str] = ()) -> Network:
    """The module of a graph, of a path, or of a run's folder (without its weights): (n, c, h, w) -> (n, classes).

    overrides: as `--set` takes them, where it is not a graph.  Raises ArchbuilderError for an invalid one.

        >>> import torch
        >>> archbuilder.build("architectures/c1c2c3c40.yaml")(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    graph = source if isinstance(source, Graph) else pipeline.load(source, overrides)
    return Network(graph)
