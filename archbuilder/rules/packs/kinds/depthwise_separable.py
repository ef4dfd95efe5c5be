"""depthwise_separable: a depthwise convolution followed by a 1x1 convolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.ir.graph import Node
from archbuilder.ir.op import by
from archbuilder.ir.ops import Conv2d
from archbuilder.remedy import Change
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import LACKING, Demand, Evidence, Outcome, Rule, missed
from archbuilder.schema.fields import Positive

HINT = "write depthwise_separable: {out: 64}"


@register
class DepthwiseSeparable(Rule):
    """The network must have a depthwise conv (groups = channels) followed by a 1x1 conv, with at most norms,
    activations and dropouts between.

    A grouped conv with fewer groups than channels is not depthwise.
    """

    EXAMPLE: ClassVar[str] = "depthwise_separable: {kernel: 3}"
    REJECTS: ClassVar[dict[str, str]] = {"depthwise_separable: {kernel: 0}": "AB103"}

    kernel: Annotated[Positive, Field(description="smallest allowed side of the depthwise kernel")] = 3

    def demands(self) -> Iterator[Demand]:
        yield Demand(frozenset({"depthwise"}))
        yield Demand(frozenset({"pointwise"}))

    def judge(self, net: Network) -> Outcome:
        pairs = [node for node in net.convs if self._fits(net, node) and net.mixer(node)]
        return Outcome(Evidence.of(*pairs)) if pairs else self._missed(net)

    def _fits(self, net: Network, node: Node) -> bool:
        return net.is_depthwise(node) and isinstance(node.op, Conv2d) and min(node.op.kernel) >= self.kernel

    def _missed(self, net: Network) -> Outcome:
        """The conv that comes closest, and why it does not count."""
        for node in net.convs:
            if net.is_depthwise(node) and isinstance(node.op, Conv2d):
                if not self._fits(net, node):
                    message = (
                        f"the depthwise {node.name} has a kernel of {by(node.op.kernel)}, but at least {self.kernel} "
                        "is required"
                    )
                    larger = Change({"kernel": str(self.kernel)}, say="{}")
                    return missed(LACKING, message, larger, node.place.span("kernel"))
                say = "put a pointwise conv after it, or write depthwise_separable"
                return missed(LACKING, f"no 1x1 conv follows the depthwise {node.name}", say, node.span)
        for node in net.convs:
            if isinstance(node.op, Conv2d) and node.op.groups > 1:
                channels = net.channels(node)
                message = (
                    f"{node.name} is grouped, not depthwise: its {node.op.groups} groups have "
                    f"{channels // node.op.groups} of the {channels} channels each, so channels mix"
                )
                hint = (
                    f"set groups: {channels}, or write depthwise, then pointwise; or depthwise_separable for the pair"
                )
                return missed(LACKING, message, hint, node.place.span("groups"))
        return missed(LACKING, "there is no depthwise separable conv", HINT, net.place)
