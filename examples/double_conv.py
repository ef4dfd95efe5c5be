"""A block of one's own: `double_conv`, two convolutions of the same width with a skip around them.

    archbuilder check examples/double_conv.yaml --blocks examples/double_conv.py
    archbuilder blocks double_conv --test --blocks examples/double_conv.py

The file's name is the block's name.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.blocks.conv import Conv
from archbuilder.blocks.skip import Skip
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive


@register
class DoubleConv(Block):
    """Two 3x3 convolutions with a skip around them."""

    POSITIONAL: ClassVar[str] = "out"
    EXAMPLE: ClassVar[str] = "double_conv: 32"
    REJECTS: ClassVar[dict[str, str]] = {"double_conv": "AB102", "double_conv: {out: 32, width: 32}": "AB101"}

    out: Annotated[Positive, Field(description="output channels")]

    def lower(self, g: GraphBuilder) -> None:
        Skip(name=self.name or "double_conv", blocks=(Conv(out=self.out), Conv(out=self.out))).lower(g)
