"""rescale: constant factors and summands."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Check, Variables, failure, number, reads

MOST = 4096  # numbers in a list

_number = number(-1e6, 1e6)


@reads(anyOf=[_number.form, {"type": "array", "items": _number.form, "minItems": 1, "maxItems": MOST}])
def _constant(value: Any, variables: Variables) -> float | tuple[float, ...]:
    """One number, or a list with one per channel."""
    if not isinstance(value, (list, tuple)):
        return float(_number(value, variables))
    if not 1 <= len(value) <= MOST:
        raise failure(
            f"{len(value)} numbers, but 1 to {MOST} are allowed",
            "write one number for all channels, or one per channel",
        )
    return tuple(float(_number(each, variables)) for each in value)


Constant = Annotated[float | tuple[float, ...], Check(_constant)]


@register
class Rescale(Block):
    """Multiplies each value by a constant and adds a constant: one number, or one per channel. Nothing is learnt.

    Uses: a residual scale, scaled logits, or normalising the image inside the network: for (x - mean) / std,
    `scale` is 1 / std and `offset` is -mean / std. For learnt factors use the block `scale`.
    """

    POSITIONAL: ClassVar[str] = "scale"
    EXAMPLE: ClassVar[str] = "skip: {blocks: [{conv: 16}, {rescale: 0.17}], shortcut: identity}"
    REJECTS: ClassVar[dict[str, str]] = {"rescale: half": "AB103", "rescale: {offset: [1, 2]}": "AB311"}

    scale: Annotated[Constant, Field(description="the factor; a list has one per channel")] = 1.0
    offset: Annotated[Constant, Field(description="the constant that is added; a list has one per channel")] = 0.0

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.Rescale(self.scale, self.offset), self.name or self.KIND)
