"""stage: a named group of blocks."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, Blocks, lower_blocks, register
from archbuilder.ir.builder import GraphBuilder


@register
class Stage(Block):
    """A named group of blocks; its name is the first part of their paths."""

    MEANT: ClassVar[str] = "write stage: {{name: {}, blocks: [...]}}"
    EXAMPLE: ClassVar[str] = "stage: {name: C1, blocks: [{conv: {out: 32}}, {strided: {out: 32}}]}"
    REJECTS: ClassVar[dict[str, str]] = {
        "stage": "AB102",
        "stage: {name: 1st, blocks: [{conv: {out: 32}}]}": "AB103",
        "stage: {name: train, blocks: [{conv: {out: 32}}]}": "AB202",
        "stage: {name: C1, blocks: {conv: {out: 32}}}": "AB104",
    }

    blocks: Annotated[Blocks, Field(description="the blocks of the stage")]

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.KIND):
            lower_blocks(self.blocks, g)
