"""Graph -> Program: the functions with which the rules of `kernels` query and write a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from archbuilder.device.program import (
    FIXED_SCALE,
    FLOAT32,
    LOWEST,
    SAME_SCALE,
    Lacking,
    Operator,
    Program,
    Tensor,
    Weights,
)
from archbuilder.ir import ops
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shape
from archbuilder.remedy import Change

Sides = tuple[int, int, int, int]  # pixels of padding: top, bottom, left, right
Rule = Callable[["Lowering", Node, Any], str]  # writes the operators of a layer; returns its output tensor


class Lowering:
    """Writes operators in the order of the graph; `at` maps a value of the graph to its tensor."""

    def __init__(self, graph: Graph, dtype: str, rules: Mapping[type[Op], Rule]) -> None:
        self.graph = graph
        self.rules = rules
        self.dtype = dtype
        self.tensors: dict[str, Tensor] = {}
        self.operators: dict[str, Operator] = {}  # by the tensor they write
        self.lacking: list[tuple[Node, Lacking]] = []
        self.at: dict[str, str] = {INPUT: INPUT}
        self._readers = _readers(graph)
        self._fixed: set[str] = set()  # tensors whose scale is fixed by a kernel
        self._stored: dict[tuple[object, ...], str] = {}  # weights that are already stored, by their key
        self.tensors[INPUT] = Tensor(INPUT, dims_of(graph.input))

    def lower(self, node: Node) -> None:
        rule = self.rules.get(type(node.op))
        try:
            if rule is None:  # a custom op
                raise Lacking("this op is unknown", "replace it by other layers")
            self.at[node.name] = rule(self, node, node.op)
        except Lacking as lacking:
            self.lacking.append((node, lacking))
            self.tensors[node.name] = Tensor(node.name, dims_of(node.shape))
            self.at[node.name] = node.name

    def finish(self) -> Program:
        tensors = {INPUT: self.tensors[INPUT]}
        for operator in self.operators.values():
            for name in (*operator.inputs, operator.output):
                tensors.setdefault(name, self.tensors[name])
        output = self.at[self.graph.output]
        tensors.setdefault(output, self.tensors[output])
        operators = tuple(self.operators.values())
        return Program(operators, tensors, INPUT, output, self.dtype, tuple(self.lacking))

    # what rules ask

    def inputs(self, node: Node) -> list[str]:
        return [self.at[name] for name in node.inputs]

    def readers(self, value: str) -> list[Node | None]:
        """The layers that read a value, None for the network's result; dropouts are skipped."""
        return self._readers[value]

    def producer(self, node: Node) -> Operator | None:
        """The operator whose output only this layer reads, so that the layer can be folded into it."""
        value = node.inputs[0]
        operator = self.operators.get(self.at[value])
        while operator is not None and len(self._readers[value]) == 1:
            if value == operator.output:
                return operator
            value = self.graph.nodes[value].inputs[0]  # skip layers without an operator
        return None

    # what rules write

    def constant(self, name: str, shape: Iterable[int], content: Any, counts: bool = False) -> str:
        """A constant; the same weights are stored once."""
        made = Tensor(name, tuple(shape), content, counts)
        if isinstance(content, Weights) and content.part != "bias":  # the scale of a bias also depends on the input
            name = self._stored.setdefault(content.key, name)
        self.tensors.setdefault(name, made)
        return name

    def add(
        self,
        kernel: str,
        node: Node,
        inputs: Iterable[str],
        shape: tuple[int, ...],
        /,
        part: str = "",
        **options: Any,
    ) -> str:
        """Add an operator that computes the layer's output, or an intermediate result (`part`); returns its tensor."""
        name = f"{node.name}.{part}" if part else node.name
        inputs = tuple(inputs)
        self.tensors[name] = Tensor(name, shape)
        self.operators[name] = Operator(kernel, inputs, name, node, options)
        if kernel in FIXED_SCALE or (kernel in SAME_SCALE and inputs[0] in self._fixed):
            self._fixed.add(name)
        return name

    def amend(self, operator: Operator, node: Node, **changes: Any) -> str:
        """Change an operator so that its output is that of the layer; returns its tensor."""
        del self.operators[operator.output]
        tensor = self.tensors.pop(operator.output)
        self.tensors[node.name] = replace(tensor, name=node.name)
        self.operators[node.name] = replace(operator, output=node.name, **changes)
        if operator.output in self._fixed:
            self._fixed.add(node.name)
        return node.name

    def remove(self, operator: Operator) -> str:
        """Remove an operator; returns its input tensor."""
        del self.operators[operator.output]
        return operator.inputs[0]

    def padded(self, x: str, node: Node, sides: Sides, mode: str = "zeros", part: str = "pad") -> str:
        """Pad a map by a separate operator."""
        if not any(sides):
            return x
        if mode not in ("zeros", "reflect", LOWEST):
            raise Lacking(f"there is no kernel for {mode} padding", field("padding_mode", "zeros", node))
        top, bottom, left, right = sides
        _, h, w, c = self.tensors[x].shape
        label = f"{node.name}.{part}" if part else node.name
        amounts = self.constant(f"{label}.sides", (4, 2), (0, 0, top, bottom, left, right, 0, 0), counts=True)
        shape = (1, h + top + bottom, w + left + right, c)
        if mode == LOWEST:
            lowest = self.constant(f"{label}.value", (1,), LOWEST)
            return self.add("PADV2", node, (x, amounts, lowest), shape, part)
        return self.add("PAD" if mode == "zeros" else "MIRROR_PAD", node, (x, amounts), shape, part)

    def requantised(self, x: str, node: Node, number: int) -> str:
        """A copy of a tensor with its own scale, if a kernel has fixed the scale."""
        if self.dtype == FLOAT32 or x not in self._fixed:
            return x
        name = self.add("QUANTIZE", node, (x,), self.tensors[x].shape, f"scale{number}")
        self._fixed.discard(name)
        return name


def _readers(graph: Graph) -> dict[str, list[Node | None]]:
    """The layers that read each value, None for the network's result; dropouts are skipped."""
    found: dict[str, list[Node | None]] = {name: [] for name in (INPUT, *graph.nodes)}
    found[graph.output].append(None)
    for node in reversed(graph.nodes.values()):
        through = isinstance(node.op, ops.Dropout) or (isinstance(node.op, ops.Flatten) and graph.inputs(node)[0].flat)
        for name in dict.fromkeys(node.inputs):
            found[name] += found[node.name] if through else [node]
    return found


def dims_of(shape: Shape) -> tuple[int, ...]:
    return (1, shape.c) if shape.flat else (1, shape.h, shape.w, shape.c)


def field(name: str, value: str, node: Node, say: str = "{}") -> Change:
    """The remedy that sets a field; in a block of that name, its own field."""
    return Change({"kind" if node.block == name else name: value}, say=say)
