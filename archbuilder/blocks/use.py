"""use: the layers of an earlier block, run again."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Name


@register
class Use(Block):
    """Runs the layers of an earlier block, given by its `name:`, again with the same weights.

    The parameters count once, the MACs for every run.
    """

    POSITIONAL: ClassVar[str] = "block"
    EXAMPLE: ClassVar[str] = "- conv: {name: twice, out: 16}\n- use: twice"
    REJECTS: ClassVar[dict[str, str]] = {
        "use": "AB102",
        "use: later": "AB206",
        "- conv: {name: widen, out: 32}\n- use: widen": "AB207",
    }

    block: Annotated[Name, Field(description="name of an earlier block")]

    def lower(self, g: GraphBuilder) -> None:
        named = g.find(self.block, "block")
        if named is None:
            g.forget()
            return
        with g.scope(self.name or self.block):
            g.share(named)
