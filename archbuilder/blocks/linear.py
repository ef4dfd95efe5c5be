"""linear: a fully connected layer."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.blocks.conv import BiasField
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive


@register
class Linear(Block):
    """A fully connected layer over a vector, without norm and activation; put `flatten` before it."""

    POSITIONAL: ClassVar[str] = "out"
    DEFAULTS: ClassVar[tuple[str, ...]] = ("bias",)
    EXAMPLE: ClassVar[str] = "- flatten\n- linear: {out: 10, bias: false}"
    LEFT_OUT: ClassVar[dict[str, str]] = {"in_features": "linear takes all values of the layer before it"}
    SAMPLES: ClassVar[dict[str, tuple[str, str]]] = {"out": ("32", "the number of output values")}
    REJECTS: ClassVar[dict[str, str]] = {"linear": "AB102", "linear: 10": "AB304"}

    out: Annotated[Positive, Field(description="output features")]
    bias: BiasField = "auto"

    def lower(self, g: GraphBuilder) -> None:
        g.add(ops.Linear(self.out, self.bias is not False), self.name or self.KIND)
