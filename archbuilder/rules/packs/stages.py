"""The stages of a network: its top-level groups of blocks, whatever they are made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archbuilder.blocks import Block
from archbuilder.diagnostics import Span
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import Conv2d

GROUP = "a stage is a block with blocks in it: stage: {name: C1, blocks: [...]}"  # the remedy for one too few
STEM = "stem"  # a first group of this name is no stage


@dataclass(frozen=True)
class Stage:
    """A top-level group of blocks: a `stage`, or a skip, branches, repeat or definition that can pass for one."""

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
        """Whether it has a conv over more than one pixel; a named group without one is an output, say."""
        return any(is_window(node) for node in self.nodes)


def is_window(node: Node) -> bool:
    """Whether a layer is a conv over more than one pixel."""
    return isinstance(node.op, Conv2d) and node.op.kernel != (1, 1)


def find_stages(network: Sequence[Block], graph: Graph, owners: Mapping[str, int]) -> Iterator[Stage]:
    """Every top-level block that holds other blocks, with its layers; `owners` as of `owner_of`."""
    for number, block in enumerate(network):
        if any(inner is not block for inner in descendants((block,))):
            nodes = tuple(node for node in graph.nodes.values() if owners[node.name] == number)
            yield Stage(block.name or block.word, block, nodes)


def in_order(stages: Sequence[Stage], names: Sequence[str]) -> list[Stage]:
    """The groups that stand for stages of these names, by their place: the first is names[0], and so on.

    Named groups with a conv over a window, from the one called names[0] on where there is one (what comes before
    is a stem); a group that has one of the names counts whatever is in it.
    """
    wanted = [name.lower() for name in names]
    found = [s for s in stages if s.name.lower() in wanted or (s.is_named and s.has_window)]
    starts = [number for number, stage in enumerate(found) if stage.name.lower() == wanted[0]]
    if not starts and found and found[0].name.lower() == STEM:
        starts = [1]
    return found[starts[0] :] if starts else found


def owner_of(network: Sequence[Block], graph: Graph) -> dict[str, int]:
    """Per layer the position of the top-level block that it comes from; -1 where that cannot be told."""
    owners = {id(inner): number for number, block in enumerate(network) for inner in descendants((block,))}
    known: dict[str, int] = {}  # by the first part of the path: a block of one's own makes others when it lowers
    for node in graph.nodes.values():
        if id(node.place) in owners:
            known.setdefault(node.name.partition(".")[0], owners[id(node.place)])
    return {
        node.name: owners.get(id(node.place), known.get(node.name.partition(".")[0], -1))
        for node in graph.nodes.values()
    }


def descendants(value: object) -> Iterator[Block]:
    """Every block in a list of blocks, with the blocks in it."""
    if isinstance(value, tuple):
        for item in value:
            yield from descendants(item)
    elif isinstance(value, Block):
        yield value
        for inner in value.__dict__.values():
            if isinstance(inner, tuple) and inner and isinstance(inner[0], (tuple, Block)):
                yield from descendants(inner)
