"""flatten: a map as one vector."""

from typing import ClassVar

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder


@register
class Flatten(Block):
    """Flattens a map to a vector, channel by channel."""

    EXAMPLE: ClassVar[str] = "flatten"
    REJECTS: ClassVar[dict[str, str]] = {"flatten: {dim: 1}": "AB101"}

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.Flatten(), self.name or self.KIND)
