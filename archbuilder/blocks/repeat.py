"""repeat: the same blocks several times."""

from contextlib import nullcontext
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, Blocks, lower_blocks, register
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive


@register
class Repeat(Block):
    """The same blocks several times, each time with new weights, as if they were written several times.

    Without a `name:` it adds nothing to the paths of layers: conv, conv2, conv3.
    """

    MEANT: ClassVar[str] = "write repeat: {{times: {}, blocks: [...]}}"
    EXAMPLE: ClassVar[str] = "repeat: {times: 2, blocks: [{conv: {out: 32}}]}"
    REJECTS: ClassVar[dict[str, str]] = {
        "repeat: {blocks: [{conv: {out: 32}}]}": "AB102",
        "repeat: {times: 0, blocks: [{conv: {out: 32}}]}": "AB103",
        "repeat: {times: 1000000, blocks: [{conv: {out: 32}}]}": "AB201",
    }

    times: Annotated[Positive, Field(description="how often")]
    blocks: Annotated[Blocks, Field(description="the blocks")]

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name) if self.name else nullcontext():
            for _ in range(self.times):
                lower_blocks(self.blocks, g)
