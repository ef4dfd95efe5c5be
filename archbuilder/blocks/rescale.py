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
            f"{len(value)} numbers, from 1 to {MOST} are read", "one number for all channels, or one for each"
        )
    return tuple(float(_number(each, variables)) for each in value)


Constant = Annotated[float | tuple[float, ...], Check(_constant)]


@register
class Rescale(Block):
    """Each value times a constant, plus a constant: one number, or a list with one per channel.  Nothing is learnt.

    A residual scale, scaled logits, the normalisation of the image inside the network: for (x - mean) / std,
    `scale` is 1 / std and `offset` is -mean / std.  Factors that are learnt are `scale`.
    """

    POSITIONAL: ClassVar[str] = "scale"
    EXAMPLE: ClassVar[str] = "skip: {blocks: [{conv: 16}, {rescale: 0.17}], shortcut: identity}"
    REJECTS: ClassVar[dict[str, str]] = {"rescale: half": "AB103", "rescale: {offset: [1, 2]}": "AB311"}

    scale: Annotated[Constant, Field(description="the factor; a list has one per channel")] = 1.0
    offset: Annotated[Constant, Field(description="what is added after it; a list has one per channel")] = 0.0

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.Rescale(self.scale, self.offset), self.name or self.KIND)
