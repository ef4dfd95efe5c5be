"""A graph divided into units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archbuilder.exporters.python.units import FUNCTIONS, MERGES, Scope, Step, Unit
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.ops import ChannelSlice


def plan(graph: Graph) -> Unit:
    """The whole graph as a unit of units."""
    return _Planner(*_without_copies(graph)).plan()


def _without_copies(graph: Graph) -> tuple[list[Node], str]:
    """The nodes, and the output: merges of a single value are that value."""
    same: dict[str, str] = {}
    nodes = []
    for node in graph.nodes.values():
        inputs = tuple(same.get(name, name) for name in node.inputs)
        if isinstance(node.op, MERGES) and len(inputs) == 1:
            same[node.name] = inputs[0]
        else:
            nodes.append(replace(node, inputs=inputs))
    return nodes, same.get(graph.output, graph.output)


class _Planner:
    def __init__(self, nodes: list[Node], output: str) -> None:
        self.position = {node.name: number for number, node in enumerate(nodes)}
        self.users: dict[str, list[int]] = {}
        for number, node in enumerate(nodes):
            for name in node.inputs:
                self.users.setdefault(name, []).append(number)
        self.output = output
        self.root = _tree(nodes)

    def plan(self) -> Unit:
        unit = self._unit(self.root)
        self._find_units(self.root)
        for unit_ in _units(self.root):
            unit_.steps = tuple(self._steps(unit_))
        return unit

    def _find_units(self, scope: Scope) -> None:
        for child in scope.children.values():
            if isinstance(child, Scope):
                if self._runs_by_itself(child):
                    self._unit(child)
                self._find_units(child)

    def _runs_by_itself(self, scope: Scope) -> bool:
        """Whether its nodes are consecutive and need no layer from elsewhere."""
        first, last = self.position[scope.nodes[0].name], self.position[scope.nodes[-1].name]
        layers = (node for node in scope.nodes if not isinstance(node.op, FUNCTIONS))
        inside = all(node.module.startswith(scope.path + ".") for node in layers)
        return inside and scope.owns and last - first + 1 == len(scope.nodes)

    def _unit(self, scope: Scope) -> Unit:
        """The unit of a scope. A channel split at its beginning belongs to the enclosing unit."""
        start = 0
        while (
            scope.path and isinstance(scope.nodes[start].op, ChannelSlice) and _parent(scope.nodes[start]) == scope.path
        ):
            start += 1
        nodes = scope.nodes[start:]
        own = {node.name for node in nodes}
        inputs = list(dict.fromkeys(name for node in nodes for name in node.inputs if name not in own))
        # the latest value comes first: it is the output of the blocks before
        inputs.sort(key=lambda name: -self.position.get(name, -1))
        used = [node.name for node in nodes if self._leaves(node.name, nodes)]
        # the final value comes first; a network may also end with an earlier one, or with its input
        ends = [self.output] if not scope.path else [name for name in used if name == nodes[-1].name]
        outputs = dict.fromkeys(ends + used) or {nodes[-1].name: None}
        scope.unit = Unit(scope, nodes, tuple(inputs) or (INPUT,), tuple(outputs))
        return scope.unit

    def _leaves(self, name: str, nodes: Sequence[Node]) -> bool:
        """Whether a value of these consecutive nodes is used outside of them."""
        first, last = self.position[nodes[0].name], self.position[nodes[-1].name]
        return name == self.output or any(not first <= user <= last for user in self.users.get(name, ()))

    def _steps(self, unit: Unit) -> Iterator[Step]:
        position = 0
        while position < len(unit.nodes):
            node = unit.nodes[position]
            inner = _unit_at(unit, node)
            if inner:
                yield Step(unit.relative(inner.path), None, inner.inputs, inner.outputs)
                position += len(inner.nodes)
                continue
            copied = self._copy(unit, position) if node.shared else None
            if copied:
                step, length = copied
                yield step
                position += length
                continue
            function = isinstance(node.op, FUNCTIONS)
            target = "" if function else unit.relative(node.module)
            yield Step(target, node.op if function else None, node.inputs, (node.name,))
            position += 1

    def _copy(self, unit: Unit, position: int) -> tuple[Step, int] | None:
        """A complete unit that runs again from here, and its number of nodes."""
        scope = unit.scope
        for part in unit.relative(unit.nodes[position].module).split(".")[:-1]:
            child = scope.children[part]
            assert isinstance(child, Scope)
            scope = child
            if scope.unit is None:
                continue
            again = unit.nodes[position : position + len(scope.unit.nodes)]
            values = self._matched(scope.unit, again)
            if values is not None:
                inputs = tuple(values[name] for name in scope.unit.inputs)
                outputs = tuple(values[name] for name in scope.unit.outputs)
                return Step(unit.relative(scope.path), None, inputs, outputs), len(again)
        return None

    def _matched(self, unit: Unit, again: Sequence[Node]) -> dict[str, str] | None:
        """The corresponding value for each value of a unit; None if the other nodes differ."""
        values: dict[str, str] = {}
        if len(unit.nodes) != len(again):
            return None
        for node, other in zip(unit.nodes, again, strict=True):
            function = isinstance(node.op, FUNCTIONS)
            if (node.op != other.op if function else node.module != other.module) or len(node.inputs) != len(
                other.inputs
            ):
                return None
            if any(values.setdefault(a, b) != b for a, b in zip(node.inputs, other.inputs, strict=True)):
                return None
            values[node.name] = other.name
        given = {values[name] for name in unit.outputs}
        return values if all(o.name in given for o in again if self._leaves(o.name, again)) else None


def _tree(nodes: Sequence[Node]) -> Scope:
    root = Scope("")
    for node in nodes:
        *parts, name = node.name.split(".")
        scope = root
        scope.nodes.append(node)
        for part in parts:
            child = scope.children.setdefault(part, Scope(f"{scope.path}.{part}" if scope.path else part))
            assert isinstance(child, Scope)
            scope = child
            scope.nodes.append(node)
        scope.children[name] = node
    return root


def _units(scope: Scope) -> Iterator[Unit]:
    if scope.unit:
        yield scope.unit
    for child in scope.children.values():
        if isinstance(child, Scope):
            yield from _units(child)


def _unit_at(unit: Unit, node: Node) -> Unit | None:
    """The outermost unit inside this one that begins with a node."""
    scope = unit.scope
    for part in unit.relative(node.name).split(".")[:-1]:
        child = scope.children[part]
        assert isinstance(child, Scope)
        scope = child
        if scope.unit:
            return scope.unit if scope.unit.nodes[0] is node else None
    return None


def _parent(node: Node) -> str:
    return node.name.rpartition(".")[0]
