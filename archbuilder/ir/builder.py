"""Writes a graph: names, current value, scopes; adds the place to what an op complains about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.ir.graph import INPUT, Graph, Node, Place
from archbuilder.ir.op import Op, OpError
from archbuilder.ir.shape import Shape

MAX_LAYERS = 100_000

LAYERS = declare("AB201", "a network with too many layers")


class TooLarge(Exception):
    """Stops the lowering of a network past MAX_LAYERS; reported already."""


class GraphBuilder:
    """Blocks call `add` for each op; the result of one is the input of the next.

    `value` names the current value.  Its shape is None after an op without an output (its
    window exceeded the map, say): what follows is then left out without further complaint.
    """

    def __init__(self, input: Shape, diagnostics: list[Diagnostic], place: Place) -> None:
        self.graph = Graph(input)
        self.diagnostics = diagnostics
        self.value = INPUT
        self._shapes: dict[str, Shape | None] = {INPUT: input}
        self._scope = ""
        self._place = place
        self._block = ""
        self._next: dict[str, int] = {INPUT: 2}  # per path, the number that its next namesake gets

    @property
    def shape(self) -> Shape | None:
        """The shape of the current value, None where there is none."""
        return self._shapes[self.value]

    @property
    def channels(self) -> int:
        """Channels of the current value, 1 where there is none (then nothing is added anyway)."""
        shape = self.shape
        return shape.c if shape else 1

    def shape_of(self, value: str) -> Shape | None:
        return self._shapes[value]

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Names inside get this prefix; a taken name is numbered from 2."""
        outer = self._scope
        self._scope = self.unique(name) + "."
        try:
            yield
        finally:
            self._scope = outer

    @contextmanager
    def writing(self, place: Place, block: str) -> Iterator[None]:
        """What is added inside belongs to this block."""
        outer = self._place, self._block
        self._place, self._block = place, block
        try:
            yield
        finally:
            self._place, self._block = outer

    def unique(self, name: str) -> str:
        """A path in the current scope that no other value or scope has."""
        base = self._scope + name
        number = self._next.get(base, 1)
        path = base if number == 1 else f"{base}{number}"
        while path in self._next:
            number += 1
            path = f"{base}{number}"
        self._next[path] = 2
        self._next[base] = number + 1
        return path

    def add(self, op: Op, name: str, inputs: tuple[str, ...] = (), note: str = "", at: Place | None = None) -> str:
        """Append an op on the current value, or on the named ones; returns its path.

        `at` is the part of the block that the op comes from, where that is written by itself."""
        inputs = inputs or (self.value,)
        path = self.unique(name)
        shape = self._shape(op, inputs, at or self._place)
        self._shapes[path] = shape
        self.value = path
        if shape is not None:
            if len(self.graph.nodes) >= MAX_LAYERS:
                message = f"the network has more than {MAX_LAYERS:,} layers"
                self.diagnostics.append(LAYERS.at(self._place.span(), message, "repeat fewer times"))
                raise TooLarge
            self.graph.nodes[path] = Node(path, op, inputs, shape, self._block, self._place, note)
        return path

    def lose(self) -> None:
        """The current value becomes unknown: what follows is left out without complaint."""
        self.value = self.unique("unknown")
        self._shapes[self.value] = None

    def _shape(self, op: Op, inputs: tuple[str, ...], place: Place) -> Shape | None:
        shapes = []
        for value in inputs:
            shape = self._shapes[value]
            if shape is None:
                return None
            shapes.append(shape)
        try:
            return op.shape(tuple(shapes))
        except OpError as error:
            branches = ""
            if len(inputs) > 1:
                branches = ": " + ", ".join(f"{v} gives {s}" for v, s in zip(inputs, shapes, strict=True))
            self.diagnostics.append(error.code.at(place.span(error.field), error.message + branches, error.hint))
            return error.shape

    def finish(self) -> Graph:
        """The graph, whose output is the current value."""
        self.graph.output = self.value
        return self.graph
