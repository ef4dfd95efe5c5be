"""Builds a graph: names, the current value, scopes. Adds the place to the errors that ops raise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from archbuilder.diagnostics import MAX_PROBLEMS, Code, Diagnostic, Span, declare, did_you_mean, shorten, too_many
from archbuilder.ir.graph import INPUT, Graph, Node, Place
from archbuilder.ir.op import Op, OpError
from archbuilder.ir.shape import Shape, Shapes
from archbuilder.remedy import Hint

MAX_LAYERS = 12_000  # so many are read, analysed and printed in under a second
MAX_INPUTS = 50_000  # of all layers together: one merge may have many
MAX_PATH = 1_000  # characters of a path: every layer has one, in tables, weights and exports
MAX_SIDE, MAX_ELEMENTS = 100_000, 2**31

NO_BLOCK = declare(
    "AB206",
    "a name that no earlier block has",
    why=(
        "A join or a use refers to an earlier block by its `name:`. Data flows forward, so a block that comes later, "
        "or that has no name, cannot be used."
    ),
    bad="""\
- conv: 16
- conv: {out: 16, name: late}
- join: {from: [early]}""",
    good="""\
- conv: {out: 16, name: early}
- conv: 16
- join: {from: [early]}""",
)
SHARED = declare(
    "AB207",
    "a shared layer that does not fit here",
    why=(
        "`use` runs a block again with the same weights, and weights fit one number of channels only; the input here "
        "has another number. A block that contains a join with its own input cannot be used again either: on another "
        "input, the name and the input would be two different values."
    ),
    bad="""\
- conv: {out: 16, name: widen}
- use: widen""",
    good="""\
- conv: 16
- conv: {out: 16, name: again}
- use: again""",
)
LAYERS = declare(
    "AB201",
    "a network with too many layers",
    why=(
        "Repeats multiply: three nested repeats of a hundred make a million layers. A file with more than 12,000 "
        "layers is taken for a mistake, and the rest of it is not read."
    ),
    bad="- repeat: {times: 100000, blocks: [{conv: 16}]}",
    good="- repeat: {times: 3, blocks: [{conv: 16}]}",
)
HUGE = declare(
    "AB210",
    "a value that is too large",
    why=(
        "Upsampling multiplies sizes. More than 100,000 pixels per side, or 2,147,483,648 values in one map of one "
        "image, do not fit into the memory of any computer."
    ),
    bad="""\
- upsample: 100
- upsample: 100""",
    good="""\
- upsample: 2
- upsample: 2""",
)
PATH = declare(
    "AB213",
    "a path of names that is too long",
    why=(
        "The path of a layer consists of the names of all blocks around it, and is its key in tables, weights and "
        "exports. Long names inside long names multiply: paths of more than 1,000 characters are unreadable, and a "
        "file of a few kilobytes could produce gigabytes."
    ),
    bad="""\
$ cat > long.py <<'END'
name = "x" * 60
block = "{conv: 16}"
for level in range(17):
    block = "{stage: {name: %s, blocks: [%s]}}" % (name, block)
print("archbuilder: 1\\ninput: [3, 32, 32]\\nnetwork: [%s]" % block)
END
$ python long.py > long.yaml
$ archbuilder check long.yaml""",
    good="$ archbuilder check net.yaml",
)


class Named(NamedTuple):
    """What a named block added: its nodes, its input value and its output value.

    `recalled` are the values that a join in it reads by name, each with that name."""

    nodes: tuple[Node, ...]
    input: str
    output: str
    recalled: Mapping[str, str]


class Part(NamedTuple):
    """What a block has appended to one graph, and appends to any other that comes to it in the same state.

    `found` are the numbers of names that it depends on, `taken` all that it has looked up, each as it was; `left` are
    those numbers when it was done.
    """

    block: Place  # so that no other one gets its id
    found: tuple[tuple[str, int | None], ...]
    taken: tuple[tuple[str, int | None], ...]
    left: Mapping[str, int]
    nodes: Mapping[str, Node]
    shapes: Mapping[str, Shape]
    named: tuple[tuple[str, Named], ...]
    value: str
    steps: int
    inputs: int


class Parts:
    """What blocks have appended, for many graphs that share them, as the candidates of a search do.

    A block is known by the object that it was read as, the value that it gets, the scope that it stands in, and the
    input and classes of its network.
    `analysed` is for whoever walks the graphs: what was found out of a node, by its id and what it depends on.
    """

    MOST: ClassVar[int] = 100_000  # 40,000 take some 50 MB; what is never met again would be kept for nothing

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], Part] = {}
        self.analysed: dict[Any, Any] = {}

    def begin(self) -> None:
        """Before another graph: no more is kept than may help."""
        if max(len(self.known), len(self.analysed)) > self.MOST:
            self.known.clear()
            self.analysed.clear()


class Stopped(Exception):
    """Ends the lowering of a network beyond MAX_LAYERS, MAX_PATH or MAX_PROBLEMS, after the problem is reported."""


class Left:
    """A context manager that is already entered and has a function for its exit; contextmanager costs twice the
    time."""

    __slots__ = ("_leave",)

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._leave()


class GraphBuilder:
    """Blocks call `add` for each op; the result of one op is the input of the next.

    `value` is the name of the current value. Its shape is None after an op without an output (for example, if its
    window exceeds the map); later ops on it are then skipped without further errors.

    parts: what blocks have appended to other graphs; it is reused where a block is in the same state.
    """

    def __init__(self, input: Shape, diagnostics: list[Diagnostic], place: Place, parts: Parts | None = None) -> None:
        self.parts = parts
        self.graph = Graph(input)
        self.diagnostics = diagnostics
        self.value = INPUT
        self._shapes: dict[str, Shape | None] = {INPUT: input}
        self._scope = ""
        self._place = place
        self._around = [place]  # the blocks that are being lowered, outermost first
        self._block = ""
        self._nodes: list[Node] = []
        self._named: dict[str, Named] = {}
        self._recalled: list[tuple[str, str]] = []
        self._reported: set[Diagnostic] = set()
        self._steps = self._inputs = 0
        self._next: dict[str, int] = {INPUT: 2}  # per path, the number for the next layer of that name
        self._taken: list[tuple[str, int | None]] = []  # what was looked up in there, as it was; with parts only
        self._names: list[tuple[str, Named]] = []  # what was named, in order; with parts only
        self._ties = 0  # to anything but the current value, and findings: what has any is no part of another graph

    @property
    def shape(self) -> Shape | None:
        """The shape of the current value, or None if it is unknown."""
        return self._shapes[self.value]

    @property
    def channels(self) -> int:
        """Channels of the current value, or 1 if it is unknown (nothing is added then)."""
        shape = self.shape
        return shape.c if shape else 1

    @property
    def count(self) -> int:
        """The number of nodes; `since` returns those added after it."""
        return len(self._nodes)

    def since(self, count: int) -> list[Node]:
        return self._nodes[count:]

    def shape_of(self, value: str) -> Shape | None:
        return self._shapes[value]

    def scope(self, name: str) -> Left:
        """Names inside get this prefix; if it is taken, a number from 2 is appended."""
        outer = self._scope
        self._scope = self.unique(name) + "."

        def leave() -> None:
            self._scope = outer

        return Left(leave)

    def writing(self, place: Place, block: str) -> Left:
        """Ops added inside belong to this block."""
        self._steps += 1
        if self._steps > MAX_LAYERS:  # blocks that add no layer may be repeated very often
            raise self._too_large()
        outer = self._place, self._block
        self._place, self._block = place, block
        self._around.append(place)

        def leave() -> None:
            self._place, self._block = outer
            self._around.pop()

        return Left(leave)

    @property
    def _written(self) -> Span:
        """The place of the innermost block that is in the file; blocks made by another block are in no file."""
        spans = (place.span() for place in reversed(self._around))
        return next((span for span in spans if span.line), self._around[0].span())

    def unique(self, name: str) -> str:
        """A path in the current scope that no other value or scope has."""
        base = self._scope + name
        if len(base) > MAX_PATH:
            message = f"a layer's path has more than {MAX_PATH:,} characters: {shorten(base, 100)}"
            self.diagnostics.append(PATH.at(self._written, message, "nest less deeply, or choose shorter names"))
            raise Stopped
        number = self._next.get(base, 1)
        path = base if number == 1 else f"{base}{number}"
        while path in self._next:
            if self.parts is not None:
                self._taken.append((path, self._next[path]))
            number += 1
            path = f"{base}{number}"
        if self.parts is not None:
            self._taken += ((base, self._next.get(base)), (path, self._next.get(path)))
        self._next[path] = 2
        self._next[base] = number + 1
        return path

    def once(self, block: Place, lower: Callable[[], None]) -> None:
        """Lower a block, or append the part that is known of it."""
        if self.parts is None or self.shape is None:
            return lower()
        key = (id(block), self.value, self.shape, self._scope, self.graph.input, self.graph.classes)
        part = self.parts.known.get(key)
        if part is None or not self._appended(part):
            begun = self._ties, len(self._taken), len(self._names), len(self._nodes), self._steps, self._inputs
            lower()
            if self._ties == begun[0] and self.shape is not None:
                self.parts.known[key] = self._part(block, *begun[1:])
        return None

    def _part(self, block: Place, taken: int, names: int, nodes: int, steps: int, inputs: int) -> Part:
        """What a block has appended since then."""
        looked_up = dict(reversed(self._taken[taken:]))  # as each was at first
        new = {name for name, number in looked_up.items() if number is None}
        # in a scope that it has made itself there was nothing before
        found = [each for each in looked_up.items() if each[1] is not None or each[0].rpartition(".")[0] not in new]
        added = self._nodes[nodes:]
        return Part(
            block,
            tuple(found),
            tuple(looked_up.items()),
            {name: self._next[name] for name in looked_up},
            {node.name: node for node in added},
            {node.name: node.shape for node in added},
            tuple(self._names[names:]),
            self.value,
            self._steps - steps,
            self._inputs - inputs,
        )

    def _appended(self, part: Part) -> bool:
        """Append a part; False where it is of another state than this one, or would be too large here."""
        if any(self._next.get(name) != number for name, number in part.found):
            return False
        if max(self._steps + part.steps, len(self._nodes) + len(part.nodes)) > MAX_LAYERS:
            return False
        if self._inputs + part.inputs > MAX_INPUTS:
            return False
        self._steps += part.steps
        self._inputs += part.inputs
        self._taken += part.taken
        self._names += part.named
        self._next.update(part.left)
        self._named.update(part.named)
        self._shapes.update(part.shapes)
        self._nodes += part.nodes.values()
        self.graph.nodes.update(part.nodes)
        self.value = part.value
        return True

    def add(self, op: Op, name: str, inputs: tuple[str, ...] = (), note: str = "", at: Place | None = None) -> str:
        """Append an op on the current value, or on the given ones; returns its path.

        `at` is the part of the block that the op comes from, if it has a place of its own."""
        inputs = inputs or (self.value,)
        path = self.unique(name)
        shape = self._shape(op, inputs, at or self._place)
        self._shapes[path] = shape
        self.value = path
        if shape is not None:
            self._append(Node(path, op, inputs, shape, self._block, self._place, note, path))
        return path

    def _append(self, node: Node) -> None:
        self._inputs += len(node.inputs)
        if len(self._nodes) >= MAX_LAYERS or self._inputs > MAX_INPUTS:
            raise self._too_large()
        self._nodes.append(node)
        self.graph.nodes[node.name] = node

    def _too_large(self) -> Stopped:
        message = f"the network has more than {MAX_LAYERS:,} layers, or {MAX_INPUTS:,} connections between them"
        self.diagnostics.append(LAYERS.at(self._written, message, "repeat fewer times"))
        return Stopped()

    def report(self, code: Code, message: str, hint: Hint = "", field: str = "", at: Place | None = None) -> None:
        """Report a problem of the current block, or of its part `at`, at one of its fields.

        A problem of a repeated block is reported once. Raises Stopped if there are too many problems."""
        self._ties += 1
        span = (at or self._place).span(field)
        problem = code.at(span, message, hint)
        if problem in self._reported:
            return
        if len(self._reported) >= MAX_PROBLEMS:
            self.diagnostics.append(too_many(span))
            raise Stopped
        self._reported.add(problem)
        self.diagnostics.append(problem)

    @contextmanager
    def named(self, name: str | None) -> Iterator[None]:
        """Ops added inside can be found later under this name; the latest block of a name counts."""
        start, value, recalled = len(self._nodes), self.value, len(self._recalled)
        yield
        if name is not None:
            nodes = tuple(self._nodes[start:])
            self._named[name] = Named(nodes, value, self.value, dict(self._recalled[recalled:]))
            if self.parts is not None:
                self._names.append((name, self._named[name]))

    def recall(self, name: str, field: str) -> str | None:
        """The output of an earlier block of this name; reports an error at the field if there is none."""
        named = self.find(name, field)
        if named:
            self._recalled.append((named.output, name))
        return named.output if named else None

    def find(self, name: str, field: str) -> Named | None:
        """What an earlier block of this name added; reports an error at the field if there is none."""
        self._ties += 1
        if name not in self._named:
            hint = did_you_mean(name, self._named, is_value=True) or "give the earlier block this name:"
            self.report(NO_BLOCK, f"there is no earlier block named {name}", hint, field)
        return self._named.get(name)

    def share(self, named: Named) -> None:
        """Run the layers of a block again, with the same weights, on the current value.

        Values from before the block that it reads by name stay the same. Reports AB207 if one of these is the block's
        own input, which would then have two meanings, or if a layer would get another number of channels."""
        if named.input in named.recalled:
            joined = named.recalled[named.input]
            message = f"the block joins {joined}, its own input: on another input the two are different values"
            return self._unshared(message, "write this connection as a skip in the block, or join an earlier block")
        self._recalled += named.recalled.items()
        values = {named.input: self.value}
        for node in named.nodes:
            inputs = tuple(values.get(value, value) for value in node.inputs)
            old, new = self._shapes_of(node.inputs), self._shapes_of(inputs)
            if new is None or old is None:
                return self.forget()
            if not node.op.is_shareable(old, new):
                message = f"{node.name} is made for {old[0].c} channels, but gets {new[0].c} here"
                return self._unshared(message, "use the block only where its input has the same number of channels")
            self.add(node.op, node.name.rpartition(".")[2], inputs, f"shares {node.module}")
            values[node.name] = self.value
            if self.value in self.graph.nodes:
                shared = replace(self.graph.nodes[self.value], module=node.module)
                self.graph.nodes[self.value] = self._nodes[-1] = shared
        self.value = values.get(named.output, named.output)

    def _unshared(self, message: str, hint: str) -> None:
        self.report(SHARED, message, hint)
        self.forget()

    def _shapes_of(self, values: tuple[str, ...]) -> Shapes | None:
        """The shapes of values, or None if one is unknown."""
        shapes = [self._shapes[value] for value in values]
        return None if None in shapes else tuple(shape for shape in shapes if shape)

    def forget(self) -> None:
        """Make the current value unknown: later ops on it are skipped without errors."""
        self._ties += 1
        self.value = self.unique("unknown")
        self._shapes[self.value] = None

    def _shape(self, op: Op, inputs: tuple[str, ...], place: Place) -> Shape | None:
        shapes = self._shapes_of(inputs)
        if shapes is None:
            return None
        try:
            return self._bounded(op.shape(shapes), place)
        except OpError as error:
            branches = ""
            if len(inputs) > 1:
                branches = ": " + ", ".join(f"{v} gives {s}" for v, s in zip(inputs, shapes, strict=True))
            self.report(error.code, error.message + branches, error.hint, error.field, at=place)
            return error.shape and self._bounded(error.shape, place)

    def _bounded(self, shape: Shape, place: Place) -> Shape | None:
        """The shape, or None (reported) if it is too large for any network: such sizes would cost time and memory."""
        if max(shape.h, shape.w) <= MAX_SIDE and shape.elements <= MAX_ELEMENTS:
            return shape
        message = f"the result of {shape} has more than {MAX_SIDE:,} pixels a side or {MAX_ELEMENTS:,} values"
        self.report(HUGE, message, "pad or upsample less, or use fewer channels before it", at=place)
        return None

    def finish(self) -> Graph:
        """The graph, whose output is the current value."""
        self.graph.output = self.value
        return self.graph
