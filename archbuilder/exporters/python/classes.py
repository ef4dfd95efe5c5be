"""The classes of a file: one for the network, and one for every unit that needs its own forward or occurs
repeatedly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archbuilder.diagnostics import shorten
from archbuilder.exporters.python.conventions import CONVENTIONS, plain
from archbuilder.exporters.python.expressions import Common, Make, kind, unify
from archbuilder.exporters.python.forward import Forward, forward
from archbuilder.exporters.python.helpers import qualified
from archbuilder.exporters.python.names import Names, camel, of_layers, of_path, of_scope
from archbuilder.exporters.python.units import Scope, Unit
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.shape import Shape
from archbuilder.modules.layers import layer

# largest number of parameters of a shared class: a call with more is less readable than the layers themselves
MOST_PARAMETERS = 6
LONGEST = 77  # characters of a docstring
DEEPEST = 3  # chains written inside each other
SEQUENTIAL = frozenset(("append", "extend", "insert", "pop"))  # attributes of nn.Sequential (a test asks torch)


@dataclass(frozen=True)
class Class:
    """A class to be written. Without a forward it is a chain of its children; a shared class creates several
    modules."""

    name: str
    doc: str
    common: Common
    forward: Forward | None
    shared: bool = False


@dataclass(frozen=True)
class Part:
    """A unit with its children as expressions; `forward` is None if it is a chain of them."""

    unit: Unit
    body: Make
    forward: Forward | None

    @property
    def likeness(self) -> object:
        """A key that is equal for parts that one class can create."""
        return kind(self.body), self.forward and self.forward.text


class Classes:
    """The classes of a network, innermost first; `labels` are the comments for values."""

    def __init__(self, graph: Graph, root: Unit, labels: Mapping[str, str]) -> None:
        self.graph, self.labels = graph, labels
        self.made: dict[str, Make] = {}  # by the path of a unit
        self.conventions = {qualified(name): convention for name, convention in CONVENTIONS.items()}
        self.classes: list[Class] = []
        self.names = Names()
        self.network = self.names.take(camel([graph.name]), "Network")
        for units in _by_height(root):
            self._make(units)
        doc = f"(batch, {_sizes(graph.input)}) -> (batch, {_sizes(graph.shape(graph.output))})."
        self.classes.append(Class(self.network, doc, Common((), self._part(root).body), forward(root)))

    def _make(self, units: Sequence[Unit]) -> None:
        """Expressions for units of one height; similar units become a class."""
        groups: dict[object, list[Part]] = {}
        for unit in units:
            part = self._part(unit)
            groups.setdefault(part.likeness, []).append(part)
        for parts in groups.values():
            common = unify([part.body for part in parts], self._channels([part.unit for part in parts]))
            if len(parts) > 1 and _worth_a_class(parts[0], common):
                self._share(parts, common)
            else:
                for part in parts:
                    self._alone(part)

    def _channels(self, units: Sequence[Unit]) -> dict[tuple[int, ...], str]:
        """Names for the numbers of channels that units take and give, one number for each unit."""
        taken = tuple(self.graph.shape(unit.inputs[0]).c for unit in units)
        given = tuple(self.graph.shape(unit.outputs[0]).c for unit in units)
        return {taken: "channels"} if taken == given else {taken: "in_channels", given: "out_channels"}

    def _share(self, parts: Sequence[Part], common: Common) -> None:
        """One class for several units."""
        first = parts[0]
        if _is_plain(first):
            classes = [make.cls for _, make in first.body.arguments]
            name, doc = of_layers(classes), ", ".join(classes).replace("nn.", "")
        else:
            name, doc = of_scope(first.unit.path), f"{first.unit.path} and {len(parts) - 1} more like it"
        name = self.names.take(name, "Block")
        self.conventions[name] = common.convention
        self.classes.append(Class(name, f"{shorten(doc, LONGEST)}.", common, first.forward, shared=True))
        for member, part in enumerate(parts):
            self.made[part.unit.path] = Make(name, common.arguments(member))

    def _alone(self, part: Part) -> None:
        """A chain is written where it is used; a unit with its own forward, or nested too deep, becomes a class."""
        unit = part.unit
        if part.forward is None and _depth(part.body) <= DEEPEST:
            self.made[unit.path] = part.body
            return
        taken, given = (
            ", ".join(str(self.graph.shape(value)) for value in values) for values in (unit.inputs, unit.outputs)
        )
        name = self.names.take(of_path(unit.path), "Block")
        doc = shorten(f"{unit.path}: {taken} -> {given}", LONGEST)
        self.classes.append(Class(name, f"{doc}.", Common((), part.body), part.forward))
        self.made[unit.path] = Make(name)

    def _part(self, unit: Unit) -> Part:
        children = tuple(self._children(unit.scope))
        if not is_chain(unit):
            return Part(unit, Make("Layers", children), forward(unit))
        comments = [self.labels[step.outputs[0]] for step in unit.steps]
        changes = [now if now != before else "" for before, now in zip(["", *comments], comments, strict=False)]
        return Part(unit, Make("Chain", children, comments=tuple(changes) if len(changes) > 1 else ("",)), None)

    def _children(self, scope: Scope) -> Iterator[tuple[str, Make]]:
        for name, child in scope.registered():
            if isinstance(child, Scope):
                yield name, self.made[child.path] if child.unit else Make("Layers", tuple(self._children(child)))
                continue
            made = layer(child.op, self.graph.inputs(child))
            arguments = tuple((key, plain(value)) for key, value in made.keywords.items())
            yield name, Make(qualified(made.name), arguments, child.op.frozen)


def is_chain(unit: Unit) -> bool:
    """Whether a unit runs its children in order, so that nn.Sequential is enough."""
    children = [name for name, _ in unit.scope.registered()]
    value = unit.inputs[0]
    if (
        not unit.path
        or len(unit.inputs) > 1
        or SEQUENTIAL & set(children)
        or [s.target for s in unit.steps] != children
    ):
        return False
    for step in unit.steps:
        if step.inputs != (value,) or len(step.outputs) > 1:
            return False
        value = step.outputs[0]
    return unit.outputs == (value,)


def _is_plain(part: Part) -> bool:
    """Whether it is a chain of torch's own layers, nothing deeper."""
    return part.forward is None and all(isinstance(child, Node) for _, child in part.unit.scope.registered())


def _worth_a_class(part: Part, common: Common) -> bool:
    if part.forward is None and len(part.body.arguments) < 2:
        return False
    return _is_plain(part) or len(common.parameters) <= MOST_PARAMETERS


def _by_height(root: Unit) -> list[list[Unit]]:
    """All units but the root, those without units inside first."""
    levels: list[list[Unit]] = []

    def visit(scope: Scope) -> int:
        height = max([visit(child) for child in scope.children.values() if isinstance(child, Scope)], default=0)
        if scope.unit is None or scope.unit is root:
            return height
        levels.extend([] for _ in range(len(levels), height + 1))
        levels[height].append(scope.unit)
        return height + 1

    visit(root.scope)
    return levels


def _depth(make: Make) -> int:
    """The depth of nested chains."""
    inner = [_depth(value) for _, value in make.arguments if isinstance(value, Make)]
    return max(inner, default=0) + (make.cls in ("Chain", "Layers"))


def _sizes(shape: Shape) -> str:
    return ", ".join(map(str, shape.dims))
