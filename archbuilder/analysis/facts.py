"""The numbers of a network: per layer, and in total."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar

from archbuilder.analysis.memory import BYTES, DTYPE, Memory, measure
from archbuilder.analysis.receptive_field import field_value
from archbuilder.diagnostics import MAX_PROBLEMS, Diagnostic, declare, too_many
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import Op, OpError
from archbuilder.ir.ops import BatchNorm2d
from archbuilder.ir.reach import FARTHEST, Reach
from archbuilder.ir.shape import Shapes

FAR = declare(
    "AB211",
    "strides whose product is too large",
    why=(
        "The effective stride is the product of all strides. Here it is far larger than any image, and a receptive "
        "field with thousands of digits has no meaning."
    ),
    bad="- repeat: {times: 20, blocks: [{conv: {out: 8, kernel: 999, stride: 999}}]}",
    good="- repeat: {times: 2, blocks: [{strided: 8}]}",
)

OpT = TypeVar("OpT", bound=Op)
IMAGE = Reach()  # what a pixel of the image sees: itself


class Layer(NamedTuple):
    """The numbers of one node: scalars of parameters and buffers, MACs for one image, receptive field.

    The parameters and buffers of a shared layer count where it runs first.
    """

    node: Node
    params: int
    buffers: int
    macs: int
    reach: Reach

    @property
    def frozen_params(self) -> int:
        return self.params if self.node.op.frozen else 0

    def weight_bytes(self, dtype: str = DTYPE) -> int:
        """Bytes of parameters and buffers in a file; the batch counter of a batch norm is always 64-bit."""
        counters = int(isinstance(self.node.op, BatchNorm2d) and not self.node.shared)
        return (self.params + self.buffers - counters) * BYTES[dtype] + counters * 8


@dataclass(frozen=True, repr=False)
class Facts:
    """The layers of a graph in execution order, and their totals.

    `field` is the receptive field before the global pool, as limits mean it, and `value` the name of the map there;
    `field_with_gap` is the field of the output.
    """

    graph: Graph
    layers: tuple[Layer, ...]
    value: str
    field: Reach
    field_with_gap: Reach

    def __repr__(self) -> str:
        return f"<Facts of {self.graph.name!r}: {self.words}>"

    @property
    def words(self) -> str:
        """The size of the network in a few words."""
        return f"{len(self.layers):,} layers, {self.params:,} parameters, {self.macs:,} MACs"

    @cached_property
    def params(self) -> int:
        return sum(layer.params for layer in self.layers)

    @cached_property
    def frozen_params(self) -> int:
        return sum(layer.frozen_params for layer in self.layers)

    @cached_property
    def buffers(self) -> int:
        return sum(layer.buffers for layer in self.layers)

    @cached_property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @cached_property
    def reaches(self) -> dict[str, Reach]:
        """The receptive field of every value, by its name."""
        return {INPUT: Reach()} | {layer.node.name: layer.reach for layer in self.layers}

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each value, by the value's name; values that nothing reads are absent."""
        found: dict[str, list[Node]] = {}
        for layer in self.layers:
            for name in dict.fromkeys(layer.node.inputs):
                found.setdefault(name, []).append(layer.node)
        return found

    @cached_property
    def _by_kind(self) -> dict[type[Op], list[tuple[Node, Any]]]:
        found: dict[type[Op], list[tuple[Node, Any]]] = {}
        for layer in self.layers:
            found.setdefault(type(layer.node.op), []).append((layer.node, layer.node.op))
        return found

    def nodes_of(self, *kinds: type[OpT]) -> list[tuple[Node, OpT]]:
        """The nodes with an op of one of these classes, and the op, ordered by class."""
        return [pair for kind in kinds for pair in self._by_kind.get(kind, ())]

    @cached_property
    def memory(self) -> Memory:
        """The memory of training and of inference for one image."""
        return measure(self.graph)

    def weight_bytes(self, dtype: str = DTYPE) -> int:
        """Bytes of parameters and buffers in a file, as trained: before a runtime folds norms into convs."""
        return sum(layer.weight_bytes(dtype) for layer in self.layers)


@lru_cache(maxsize=4096)  # blocks repeat in a network, and networks in a search
def _costs(op: Op, shapes: Shapes) -> tuple[int, int, int]:
    """Parameters, buffers and MACs of an op on its inputs."""
    return op.params(shapes), op.buffers(shapes), op.macs(shapes)


Analysed = dict[tuple[int, tuple[Reach, ...]], Layer]


def analyse(graph: Graph, diagnostics: list[Diagnostic], known: Analysed | None = None) -> Facts:
    """The facts of a graph with valid shapes; errors of ops are appended to `diagnostics`.

    known: layers that other graphs share with this one, by the id of the node and the receptive fields of its inputs.
    The inputs of a node have the same shapes in all of them."""
    reaches: dict[str, Reach] = {INPUT: IMAGE}
    layers = []
    problems: list[Diagnostic] = []
    for node in graph.nodes.values():
        inputs = tuple([reaches[name] for name in node.inputs])
        if known and (layer := known.get((id(node), inputs))):
            layers.append(layer)
            reaches[node.name] = layer.reach
            continue
        shapes, before = graph.inputs(node), len(problems)
        try:
            reach = node.op.reach(inputs, shapes)
        except OpError as error:
            where = ": " + ", ".join(node.inputs)
            problems.append(error.code.at(node.span, error.message + where, error.hint))
            reach = inputs[0].at_least("unknown")
        if reach is not inputs[0] and reach.is_beyond:
            message = f"the effective stride or the receptive field is larger than {FARTHEST:,} pixels"
            problems.append(FAR.at(node.span, message, "use smaller strides: a map of one pixel needs none"))
            reach = Reach(status="unknown")
        reaches[node.name] = reach
        params, buffers, macs = _costs(node.op, shapes)
        layers.append(Layer(node, 0 if node.shared else params, 0 if node.shared else buffers, macs, reach))
        if known is not None and len(problems) == before:
            known[id(node), inputs] = layers[-1]
    diagnostics += problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        diagnostics.append(too_many(problems[MAX_PROBLEMS].span))
    value = field_value(graph, reaches)
    return Facts(graph, tuple(layers), value, reaches[value], reaches[graph.output])
