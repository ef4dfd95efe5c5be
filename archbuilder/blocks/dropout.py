"""dropout: dropout as a block of its own."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Check, number


@register
class Dropout(Block):
    """Dropout: `dropout: 0.1` for single elements, `dropout: {p: 0.1, channels: true}` for whole channels.

    The `dropout` field of convs and of `defaults` takes the same values; 0 there means no dropout layer, while this
    block is a layer even with 0.
    """

    POSITIONAL: ClassVar[str] = "p"
    EXAMPLE: ClassVar[str] = "dropout: {p: 0.1, channels: true}"
    REJECTS: ClassVar[dict[str, str]] = {"dropout: 1.5": "AB103", "dropout: lots": "AB103"}

    p: Annotated[float, Check(number(0, 1)), Field(description="probability of setting a value to zero")] = 0.5
    channels: Annotated[bool, Field(description="drop whole channels of a map")] = False

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.Dropout(self.p, self.channels), self.name or "dropout", at=self if self._node else None)
