"""gap: global average pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from archbuilder.ir.graph import Node
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, MaxPool2d
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import LACKING, Demand, Evidence, Outcome, Rule, missed

HINT = "put gap before the classifier"


@register
class Gap(Rule):
    """The last map must be averaged globally: by `gap`, or by an average pool whose window is the whole map.

    After it there is one value per channel. A pool of a squeeze-excite does not count.
    """

    EXAMPLE: ClassVar[str] = "gap"
    REJECTS: ClassVar[dict[str, str]] = {"gap: {kernel: 8}": "AB101"}

    def demands(self) -> Iterator[Demand]:
        yield Demand(frozenset({"gap"}))

    def judge(self, net: Network) -> Outcome:
        nodes = [node for node in net.graph.nodes.values() if node.name not in net.gates]
        pools = [number for number, node in enumerate(nodes) if _is_global(net, node)]
        if not pools:
            return _missed(net, nodes)
        maps = [number for number, node in enumerate(nodes) if (node.shape.h, node.shape.w) != (1, 1)]
        found = next((number for number in pools if number > max(maps, default=-1)), None)
        if found is None:
            larger = nodes[next(number for number in maps if number > pools[-1])]
            message = f"the map that {nodes[pools[-1]].name} pools is not the last map: {larger.name} comes after it"
            return missed(LACKING, message, HINT, larger.span)
        x = net.graph.inputs(nodes[found])[0]
        return Outcome(Evidence.of(nodes[found]), f"over the whole {x.h}x{x.w} map")


def _is_global(net: Network, node: Node) -> bool:
    op, shapes = node.op, net.graph.inputs(node)
    return (isinstance(op, AdaptivePool) and not op.maximum and op.is_global(shapes)) or (
        isinstance(op, AvgPool2d) and op.is_global(shapes)
    )


def _missed(net: Network, nodes: list[Node]) -> Outcome:
    """The last pool, and why it is not global average pooling."""
    for node in reversed(nodes):
        x = net.graph.inputs(node)[0]
        if isinstance(node.op, AvgPool2d):
            window = "x".join(map(str, node.op.kernel))
            message = f"{node.name} is not global: its window covers {window} of the {x.h}x{x.w} map"
            return missed(LACKING, message, "write gap instead, which pools the whole map", node.place.span("kernel"))
        if isinstance(node.op, (AdaptivePool, MaxPool2d)):
            message = f"{node.name} is not a global average pool: {node.op.describe()} of a {x.h}x{x.w} map"
            return missed(LACKING, message, HINT, node.span)
    return missed(LACKING, "there is no global average pool", HINT, net.place)
