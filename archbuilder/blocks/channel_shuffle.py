"""channel_shuffle: the channels of each group are distributed over all groups."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive


@register
class ChannelShuffle(Block):
    """Lets the groups of grouped convs exchange channels.

    Source: Zhang et al., ShuffleNet, 2018.
    """

    POSITIONAL: ClassVar[str] = "groups"
    EXAMPLE: ClassVar[str] = "channel_shuffle: 4"
    REJECTS: ClassVar[dict[str, str]] = {"channel_shuffle": "AB102", "channel_shuffle: 5": "AB301"}

    groups: Annotated[Positive, Field(description="groups of channels")]

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.ChannelShuffle(self.groups), self.name or self.KIND)
