"""skip: blocks with a connection around them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, Blocks, lower_blocks, read_blocks, register
from archbuilder.blocks.conv import NormField
from archbuilder.blocks.norm import Norm
from archbuilder.diagnostics import declare, did_you_mean
from archbuilder.document import Node
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import Add, Concat, Conv2d, Multiply
from archbuilder.ir.reach import Pixels, Reach
from archbuilder.ir.shape import Shape
from archbuilder.schema.model import INVALID, VALUE, Child, Env

NO_PROJECTION = declare("AB203", "a shortcut that no 1x1 convolution can make fit")

Merge = Literal["add", "concat", "multiply"]
MERGES = {"add": Add(), "concat": Concat(), "multiply": Multiply()}


SHORTCUTS = ("auto", "identity")


def _shortcut(node: Node, env: Env) -> Any:
    if not isinstance(node.value, str):
        return read_blocks(node, env)
    if node.value in SHORTCUTS:
        return node.value
    hint = did_you_mean(node.value, SHORTCUTS) + ", or a list of blocks"
    env.report(VALUE, node.span, f"shortcut: there is no {node.value}", hint)
    return INVALID


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
            note = self._lower_shortcut(g, body)
            if note is not None:
                g.add(MERGES[self.merge], self.merge, (body, g.value), note)
            else:
                g.value = body  # the shortcut is reported; go on with the body

    def _lower_shortcut(self, g: GraphBuilder, end: str) -> str | None:
        """Appends the shortcut; returns a remark for the report, None where there is no shortcut."""
        if isinstance(self.shortcut, tuple):
            with g.scope("shortcut"):
                lower_blocks(self.shortcut, g)
            return "shortcut: blocks"
        body = g.shape_of(end)
        if self.shortcut == "identity" or g.shape is None or body is None:
            return "shortcut: identity"
        out = g.shape.c if self.merge == "concat" else body.c
        if g.shape == Shape(out, body.h, body.w, body.flat):
            return "shortcut: identity"
        return self._project(g, g.shape, body, out, _strides(g, g.value, end))

    def _project(self, g: GraphBuilder, x: Shape, body: Shape, out: int, stride: tuple[int, int]) -> str | None:
        fits = all(s and (n - 1) // s + 1 == m for n, s, m in zip((x.h, x.w), stride, (body.h, body.w), strict=True))
        if not fits or x.flat:
            message = f"no 1x1 conv makes {x} fit the body's {body}"
            hint = "pad the body's convs (padding: same), or write the shortcut's blocks"
            g.diagnostics.append(NO_PROJECTION.at(self.span("shortcut"), message, hint))
            return None
        with g.scope("shortcut"):
            g.add(Conv2d(out, (1, 1), stride, bias=self.norm.kind == "none"), "conv")
            self.norm.lower(g)
        return "shortcut: 1x1 projection"


def _strides(g: GraphBuilder, start: str, end: str) -> tuple[int, int]:
    """The body's own strides, which its shortcut must have: equal shapes alone do not align the two.  0 for none."""
    h: Pixels = 1
    w: Pixels = 1
    while end != start and end in g.graph.nodes:
        node = g.graph.nodes[end]
        step = node.op.reach((Reach(),) * len(node.inputs), g.graph.inputs(node)).stride
        h, w, end = h * step[0], w * step[1], node.inputs[-1]  # of a join: the current value comes last
    return (int(h) if h == int(h) else 0, int(w) if w == int(w) else 0) if end == start else (0, 0)
