"""skip: blocks with a connection around them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, Blocks, lower_blocks, read_blocks, register
from archbuilder.blocks.conv import NormField
from archbuilder.blocks.norm import Norm
from archbuilder.diagnostics import declare
from archbuilder.document import Node
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import Add, Concat, Conv2d, Multiply
from archbuilder.ir.shape import Shape
from archbuilder.schema.model import Child, Env

NO_PROJECTION = declare("AB203", "a shortcut that no 1x1 convolution can make fit")

Merge = Literal["add", "concat", "multiply"]
MERGES = {"add": Add(), "concat": Concat(), "multiply": Multiply()}


def _shortcut(node: Node, env: Env) -> Any:
    return node.value if isinstance(node.value, str) else read_blocks(node, env)


Shortcut = Annotated[
    Literal["auto", "identity"] | tuple[Block, ...],
    Child(_shortcut),
    Field(description="auto, identity, or a list of blocks"),
]


@register
class Skip(Block):
    """A body of blocks, a shortcut around it, and a merge of the two.

    `shortcut: auto` is the identity where the shapes allow it, else a bare 1x1 conv (with the
    stride that is needed) and a norm; the report says which.
    """

    DEFAULTS: ClassVar[tuple[str, ...]] = ("norm",)
    EXAMPLE: ClassVar[str] = "skip: {blocks: [{conv: {out: 32}}, {strided: {out: 32}}]}"
    REJECTS: ClassVar[dict[str, str]] = {
        "skip": "AB102",
        "skip: {blocks: []}": "AB103",
        "skip: {blocks: [{conv: {out: 32}}], merge: sum}": "AB103",
        "skip: {blocks: [{conv: {out: 32}}], shortcut: none}": "AB103",
        "skip: {blocks: [{strided: {out: 32}}], shortcut: identity}": "AB305",
        "skip: {blocks: [{conv: {out: 32, padding: valid}}]}": "AB203",
    }

    blocks: Annotated[Blocks, Field(description="the body")]
    shortcut: Shortcut = "auto"
    merge: Annotated[Merge, Field(description="how the two meet")] = "add"
    norm: Annotated[NormField, Field(description="the norm after an automatic projection")] = Norm.model_construct()

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.KIND):
            start = g.value
            lower_blocks(self.blocks, g)
            body, g.value = g.value, start
            note = self._lower_shortcut(g, g.shape_of(body))
            if note is not None:
                g.add(MERGES[self.merge], self.merge, (body, g.value), note)
            else:
                g.value = body  # the shortcut is reported; go on with the body

    def _lower_shortcut(self, g: GraphBuilder, body: Shape | None) -> str | None:
        """Appends the shortcut; returns a remark for the report, None where there is no shortcut."""
        if isinstance(self.shortcut, tuple):
            with g.scope("shortcut"):
                lower_blocks(self.shortcut, g)
            return "shortcut: blocks"
        if self.shortcut == "identity" or g.shape is None or body is None:
            return "shortcut: identity"
        out = g.shape.c if self.merge == "concat" else body.c
        if g.shape == Shape(out, body.h, body.w, body.flat):
            return "shortcut: identity"
        return self._project(g, g.shape, body, out)

    def _project(self, g: GraphBuilder, x: Shape, body: Shape, out: int) -> str | None:
        stride = (_stride(x.h, body.h), _stride(x.w, body.w))
        if 0 in stride or x.flat:
            message = f"no 1x1 conv makes {x} fit the body's {body}"
            hint = "pad the body's convs (padding: same), or write the shortcut's blocks"
            g.diagnostics.append(NO_PROJECTION.at(self.span("shortcut"), message, hint))
            return None
        with g.scope("shortcut"):
            g.add(Conv2d(out, (1, 1), stride, bias=self.norm.kind == "none"), "conv")
            self.norm.lower(g)
        return "shortcut: 1x1 projection"


def _stride(before: int, after: int) -> int:
    """The stride at which a 1x1 conv makes `after` pixels of `before`, 0 where there is none."""
    return next((s for s in range(1, before + 1) if (before - 1) // s + 1 == after), 0)
