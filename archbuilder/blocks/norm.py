"""norm: a normalisation layer as a block of its own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.op import Op
from archbuilder.ir.ops import BatchNorm2d, ChannelNorm, GroupNorm, InstanceNorm2d
from archbuilder.schema.fields import Check, Positive, number

Kind = Literal["batch", "group", "layer", "instance", "none"]


@register
class Norm(Block):
    """A normalisation layer: `norm: batch`, or `norm: {kind: group, groups: 4}`.

    The `norm` field of convs and of `defaults` takes the same values, and `none` for no norm. `group` without `groups`
    has 8 groups, or the next smaller number that divides the channels. `layer` normalises over all channels and
    positions (group norm with one group), or with `over: channels` over the channels of each pixel separately.
    """

    POSITIONAL: ClassVar[str] = "kind"
    EXAMPLE: ClassVar[str] = "norm: {kind: group, groups: 4}"
    REJECTS: ClassVar[dict[str, str]] = {
        "norm: bach": "AB103",
        "norm: {kind: group, groups: 5}": "AB301",
        "- gap\n- norm: instance": "AB309",
    }

    kind: Annotated[Kind, Field(description="batch, group, layer, instance or none")] = "batch"
    groups: Annotated[Positive | None, Field(description="groups of channels, for kind group")] = None
    over: Annotated[
        Literal["map", "channels"],
        Field(description="for kind layer: normalise over the whole map, or over the channels of each pixel"),
    ] = "map"
    eps: Annotated[float, Check(number(0, 1, exclusive=True)), Field(description="added to the variance")] = 1e-5
    momentum: Annotated[
        float, Check(number(0, 1)), Field(description="weight of a new batch in the running statistics")
    ] = 0.1
    affine: Annotated[
        bool | None, Field(description="learn a scale and a shift; by default true except for instance")
    ] = None

    def lower(self, g: GraphBuilder) -> None:
        if self.kind != "none":
            g.add(self.op(g.channels), self.name or "norm", at=self if self._node else None)

    def op(self, channels: int) -> Op:
        """The op for this number of channels. Not defined for kind none."""
        affine = self.kind != "instance" if self.affine is None else self.affine
        if self.kind == "batch":
            return BatchNorm2d(self.eps, self.momentum, affine)
        if self.kind == "instance":
            return InstanceNorm2d(self.eps, affine)
        if self.kind == "layer" and self.over == "channels":
            return ChannelNorm(self.eps, affine)
        groups = 1 if self.kind == "layer" else self.groups or _divisor(channels)
        return GroupNorm(groups, self.eps, affine)


def _divisor(channels: int) -> int:
    return max(n for n in range(1, 9) if channels % n == 0)
