"""The stages of a network: its top-level groups of blocks, of any kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archbuilder.blocks import Block
from archbuilder.diagnostics import Span
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Conv2d

GROUP = "a stage is a block with blocks in it: stage: {name: C1, blocks: [...]}"  # the hint if a stage is missing
STEM = "stem"  # a first group of this name is not a stage


@dataclass(frozen=True)
class Stage:
    """A top-level group of blocks: a `stage`, or a skip, branches, repeat or definition that counts as one."""

    name: str
    block: Block
    nodes: tuple[Node, ...]

    @property
    def span(self) -> Span:
        return self.block.span()

    @property
    def is_named(self) -> bool:
        return self.block.KIND == "stage" or self.block.name is not None

    @property
    def has_window(self) -> bool:
        """Whether it has a conv larger than 1x1; a group without one may be the output."""
        return any(is_window(node) for node in self.nodes)


def is_window(node: Node) -> bool:
    """Whether a layer is a conv larger than 1x1."""
    return isinstance(node.op, Conv2d) and node.op.kernel != (1, 1)


def find_stages(network: Sequence[Block], graph: Graph, owners: Mapping[str, int]) -> Iterator[Stage]:
    """Every top-level block that contains other blocks, with its layers; `owners` comes from `owner_of`."""
    for number, block in enumerate(network):
        if any(inner is not block for inner in descendants((block,))):
            nodes = tuple(node for node in graph.nodes.values() if owners[node.name] == number)
            yield Stage(block.name or block.word, block, nodes)


def in_order(stages: Sequence[Stage], names: Sequence[str]) -> list[Stage]:
    """The groups that count as the stages of these names, by position: the first is names[0], and so on.

    These are the named groups with a conv larger than 1x1. If a group is called names[0], groups before it are a stem;
    a group with one of the names always counts.
    """
    wanted = [name.lower() for name in names]
    found = [s for s in stages if s.name.lower() in wanted or (s.is_named and s.has_window)]
    starts = [number for number, stage in enumerate(found) if stage.name.lower() == wanted[0]]
    if not starts and found and found[0].name.lower() == STEM:
        starts = [1]
    return found[starts[0] :] if starts else found


def owner_of(network: Sequence[Block], graph: Graph) -> dict[str, int]:
    """The position of the top-level block of each layer; -1 if it is unknown."""
    owners = {id(inner): number for number, block in enumerate(network) for inner in descendants((block,))}
    known: dict[str, int] = {}  # by the first part of the path: a custom block may lower other blocks
    for node in graph.nodes.values():
        if id(node.place) in owners:
            known.setdefault(node.name.partition(".")[0], owners[id(node.place)])
    return {
        node.name: owners.get(id(node.place), known.get(node.name.partition(".")[0], -1))
        for node in graph.nodes.values()
    }


def descendants(value: object) -> Iterator[Block]:
    """Every block in a list of blocks, including nested ones."""
    if isinstance(value, tuple):
        for item in value:
            yield from descendants(item)
    elif isinstance(value, Block):
        yield value
        for inner in value.__dict__.values():
            if isinstance(inner, tuple) and inner and isinstance(inner[0], (tuple, Block)):
                yield from descendants(inner)
