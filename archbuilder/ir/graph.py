"""A network as an ordered mapping from readable paths to ops."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from archbuilder.diagnostics import Span
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shape, Shapes

INPUT = "input"  # the name of the image among the values


class Place(Protocol):
    """A part of a file: gives its own place, or that of one of its fields."""

    def span(self, field: str = "") -> Span: ...


@dataclass(frozen=True)
class Node:
    """One op in the graph: `name` is its path (C1.conv.norm), `inputs` are the names of earlier nodes.

    `module` is the path of the layer that runs: the node's own, or another's if the layer is shared. `block` is the
    name of the block in YAML, `place` the place of that block in the file, `note` a remark for the report (for example,
    how an automatic shortcut was resolved).
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape
    block: str
    place: Place
    note: str = ""
    module: str = ""

    @property
    def shared(self) -> bool:
        """Whether the layer, with its parameters, belongs to another node."""
        return self.module != self.name

    @property
    def span(self) -> Span:
        return self.place.span()


def block_path(node: Node) -> str:
    """The path of a layer up to the scope that its block opened, or its own path if the block opened none."""
    label = getattr(node.place, "name", None) or getattr(node.place, "block", None) or node.block
    steps = node.name.split(".")
    for end in range(len(steps) - 1, 0, -1):
        step = steps[end - 1]
        if step.startswith(label) and step[len(label) :].strip("0123456789") == "":
            return ".".join(steps[:end])
    return node.name


@dataclass(repr=False)
class Graph:
    """Nodes in execution order; `output` is the name of the value that the network returns."""

    input: Shape
    name: str = "network"
    classes: int | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    output: str = INPUT

    def __repr__(self) -> str:
        return f"<Graph {self.name!r}: {self.input} -> {self.shape(self.output)}, {len(self.nodes):,} nodes>"

    def shape(self, name: str) -> Shape:
        """The shape of a value: the input or a node's output."""
        return self.input if name == INPUT else self.nodes[name].shape

    def until(self, value: str) -> Graph:
        """The part of the graph that computes one of its values."""
        needed = {value}
        for node in reversed(self.nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
        nodes = {name: node for name, node in self.nodes.items() if name in needed}
        return replace(self, nodes=nodes, output=value)

    def inputs(self, node: Node) -> Shapes:
        """The shapes of the inputs of a node."""
        return tuple(map(self.shape, node.inputs))
