"""dropout: dropout by itself."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Check, number


@register
class Dropout(Block):
    """Dropout: `dropout: 0.1` for single elements, `dropout: {p: 0.1, channels: true}` for whole channels.

    Also the value of the `dropout` field of convs and of `defaults`, where 0 leaves it out; as a block of
    its own it is a layer at 0, too.
    """

    POSITIONAL: ClassVar[str] = "p"
    EXAMPLE: ClassVar[str] = "dropout: {p: 0.1, channels: true}"
    REJECTS: ClassVar[dict[str, str]] = {"dropout: 1.5": "AB103", "dropout: lots": "AB103"}

    p: Annotated[float, Check(number(0, 1)), Field(description="probability of dropping")] = 0.5
    channels: Annotated[bool, Field(description="drop whole channels of a map")] = False

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.Dropout(self.p, self.channels), self.name or "dropout", at=self if self._node else None)
