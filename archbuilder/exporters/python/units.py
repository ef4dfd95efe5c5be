"""Units: the scopes of a graph that can be written as modules of their own, and what each of them runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archbuilder.ir.graph import Node
from archbuilder.ir.op import Op
from archbuilder.ir.ops import Add, ChannelSlice, Concat, Gate, Multiply

MERGES = (Add, Concat, Multiply)
FUNCTIONS = (*MERGES, ChannelSlice, Gate)  # written as an expression: they hold no weights


@dataclass(frozen=True)
class Step:
    """One line of a forward: a call of what stands at the path `target` of its unit, or the function `op`.

    `inputs` and `outputs` are names of the graph's values."""

    target: str
    op: Op | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(eq=False)
class Scope:
    """The nodes whose names begin with `path`, in order; its children by their own names.

    `unit` is set where the scope can be written as a module that runs by itself."""

    path: str
    nodes: list[Node] = field(default_factory=list)
    children: dict[str, Scope | Node] = field(default_factory=dict)
    unit: Unit | None = None

    @property
    def owns(self) -> bool:
        """Whether any layer is registered below it."""
        return any(map(is_layer, self.nodes))

    def registered(self) -> Iterator[tuple[str, Scope | Node]]:
        """The children that hold layers, by name: what torch registers as submodules."""
        for name, child in self.children.items():
            if child.owns if isinstance(child, Scope) else is_layer(child):
                yield name, child


@dataclass(eq=False)
class Unit:
    """A scope that runs by itself: it takes the values `inputs`, runs `steps`, gives `outputs`."""

    scope: Scope
    nodes: list[Node]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...] = ()

    @property
    def path(self) -> str:
        return self.scope.path

    def relative(self, path: str) -> str:
        return path[len(self.path) + 1 :] if self.path else path


def is_layer(node: Node) -> bool:
    return not node.shared and not isinstance(node.op, FUNCTIONS)
