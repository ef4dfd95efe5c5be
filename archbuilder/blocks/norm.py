"""norm: a normalisation layer by itself."""

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

    Also the value of the `norm` field of convs and of `defaults`, where `none` leaves it out.
    `group` without `groups` takes 8, or the largest number below that divides the channels.
    `layer` runs over all channels and positions (group norm of one group), or with `over: channels`
    over the channels at each pixel by itself.
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
    over: Annotated[Literal["map", "channels"], Field(description="what kind layer runs over")] = "map"
    eps: Annotated[float, Check(number(0, 1, exclusive=True)), Field(description="added to the variance")] = 1e-5
    momentum: Annotated[
        float, Check(number(0, 1)), Field(description="share of a new batch in the running statistics")
    ] = 0.1
    affine: Annotated[bool | None, Field(description="learn scale and shift; off only for instance")] = None

    def lower(self, g: GraphBuilder) -> None:
        if self.kind != "none":
            g.add(self.op(g.channels), self.name or "norm", at=self if self._node else None)

    def op(self, channels: int) -> Op:
        """The op for a number of channels; not for kind none."""
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
