"""dilated: a convolution with gaps between its taps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from archbuilder.ir.ops import Conv2d
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network, widened
from archbuilder.rules.packs.rule import LACKING, Demand, Evidence, Outcome, Rule, missed

HINT = "write dilated: {out: 64, dilation: 2}"


@register
class Dilated(Rule):
    """The network must have a conv with a dilation over 1 along an axis on which its kernel is over 1.

    Dilation of a 1x1 kernel has no effect and does not count.
    """

    EXAMPLE: ClassVar[str] = "dilated"
    REJECTS: ClassVar[dict[str, str]] = {"dilated: {dilation: 2}": "AB101"}

    def demands(self) -> Iterator[Demand]:
        yield Demand(frozenset({"dilated"}))

    def judge(self, net: Network) -> Outcome:
        nodes = net.graph.nodes.values()
        found = [node for node in nodes if isinstance(node.op, Conv2d) and widened(node.op)]
        if found:
            return Outcome(Evidence.of(*found))
        for node in nodes:
            if isinstance(node.op, Conv2d) and max(node.op.dilation) > 1:
                kernel = "x".join(map(str, node.op.kernel))
                message = (
                    f"the dilation of {node.name} has no effect on its {kernel} kernel, and no other conv is dilated"
                )
                return missed(
                    LACKING, message, "dilate a conv with a kernel larger than 1", node.place.span("dilation")
                )
        return missed(LACKING, "no conv has a dilation over 1", HINT, net.place)
