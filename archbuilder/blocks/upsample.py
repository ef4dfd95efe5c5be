"""upsample: a larger map."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Size


@register
class Upsample(Block):
    """Enlarges the map by a whole factor. The receptive field then depends on the position, and is an upper bound."""

    POSITIONAL: ClassVar[str] = "factor"
    EXAMPLE: ClassVar[str] = "upsample: {factor: 2, mode: bilinear}"
    REJECTS: ClassVar[dict[str, str]] = {"upsample: 0": "AB103", "upsample: {mode: cubic}": "AB103"}

    factor: Annotated[Size, Field(description="one integer or [height, width]")] = (2, 2)
    mode: Annotated[Literal["nearest", "bilinear"], Field(description="repeat pixels, or interpolate between them")] = (
        "nearest"
    )

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.Upsample(self.factor, self.mode == "bilinear"), self.name or self.KIND)
