"""The network that rules check: the spec, the graph and its facts, and views of them that several rules need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.receptive_field import inside_gates
from archbuilder.diagnostics import Span
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.ops import (
    Activation,
    BatchNorm2d,
    ChannelNorm,
    ChannelScale,
    ChannelShuffle,
    Conv2d,
    Dropout,
    GroupNorm,
    InstanceNorm2d,
    Rescale,
)
from archbuilder.rules.packs.stages import Stage, descendants, find_stages, owner_of
from archbuilder.spec.architecture import Architecture

# ops allowed between a depthwise conv and the 1x1 conv of a depthwise separable pair
PASSIVE = (
    Activation,
    BatchNorm2d,
    ChannelNorm,
    ChannelScale,
    ChannelShuffle,
    Dropout,
    GroupNorm,
    InstanceNorm2d,
    Rescale,
)

Unit = tuple[Node, ...]  # a conv, or a depthwise conv and its 1x1 conv, which count as one


@dataclass(frozen=True)
class Network:
    """A network that was lowered without errors."""

    spec: Architecture
    graph: Graph
    facts: Facts

    @property
    def place(self) -> Span:
        """The place of the network as a whole."""
        return self.spec.span("network")

    def channels(self, node: Node) -> int:
        """The number of input channels of a layer."""
        return self.graph.inputs(node)[0].c

    @cached_property
    def gates(self) -> set[str]:
        """The layers that only compute the factors of a gate (squeeze-excite)."""
        return inside_gates(self.graph)

    @cached_property
    def shortcuts(self) -> set[str]:
        """The layers on the shortcut of a skip; they do not count as convs of a stage."""
        inside: set[int] = set()
        for block in descendants(self.spec.network):
            if block.KIND == "skip":
                inside.add(id(block))  # an automatic projection is added by the skip itself
                blocks = getattr(block, "shortcut", ())
                inside |= {id(each) for each in descendants(blocks)} if isinstance(blocks, tuple) else set()
        return {node.name for node in self.graph.nodes.values() if id(node.place) in inside}

    @cached_property
    def convs(self) -> tuple[Node, ...]:
        """The convolutions on the main path, in order, without those of gates and shortcuts."""
        aside = self.gates | self.shortcuts
        nodes = self.graph.nodes.values()
        return tuple(node for node in nodes if isinstance(node.op, Conv2d) and node.name not in aside)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The top-level groups of blocks, in order."""
        return tuple(find_stages(self.spec.network, self.graph, self.owners))

    @cached_property
    def owners(self) -> dict[str, int]:
        """The position of the top-level block of each layer."""
        return owner_of(self.spec.network, self.graph)

    def is_depthwise(self, node: Node) -> bool:
        """Whether a conv filters each channel separately."""
        return isinstance(node.op, Conv2d) and node.op.groups == self.channels(node) > 1

    def mixer(self, node: Node) -> Node | None:
        """The 1x1 conv after a conv, with only norms, activations and dropouts between, if there is one."""
        waiting = [node.name]
        while waiting:
            for reader in self.facts.readers.get(waiting.pop(), ()):
                if isinstance(reader.op, Conv2d) and reader.op.kernel == (1, 1) and reader.op.groups == 1:
                    return reader
                if isinstance(reader.op, PASSIVE):
                    waiting.append(reader.name)
        return None

    def units(self, nodes: Sequence[Node]) -> list[Unit]:
        """The convs among the nodes; a depthwise conv and the 1x1 conv after it are one unit."""
        known = {node.name for node in nodes}
        convs = [node for node in self.convs if node.name in known]
        pairs = {node.name: mixer for node in convs if self.is_depthwise(node) and (mixer := self.mixer(node))}
        taken = {mixer.name for mixer in pairs.values() if mixer.name in known}
        found: list[Unit] = []
        for node in convs:
            mixer = pairs.get(node.name)
            if node.name not in taken:
                found.append((node, mixer) if mixer and mixer.name in known else (node,))
        return found


def widened(op: Conv2d) -> bool:
    """Whether a dilation has an effect: it is over 1 along an axis on which the kernel is over 1."""
    return any(d > 1 and k > 1 for d, k in zip(op.dilation, op.kernel, strict=True))
