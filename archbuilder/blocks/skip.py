"""skip: blocks with a connection around them."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import BLOCK_LIST, Block, Blocks, lower_blocks, one_level_in, read_blocks, register
from archbuilder.blocks.conv import NormField
from archbuilder.blocks.norm import Norm
from archbuilder.diagnostics import declare, did_you_mean
from archbuilder.document.nodes import Node
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.graph import Node as Layer
from archbuilder.ir.op import OpError
from archbuilder.ir.ops import Add, Concat, Conv2d, Multiply
from archbuilder.ir.reach import Pixels, Reach
from archbuilder.ir.shape import Shape
from archbuilder.schema.env import Env
from archbuilder.schema.model import INVALID, VALUE, Child

NO_PROJECTION = declare(
    "AB203",
    "a shortcut that no 1x1 convolution can make fit",
    why=(
        "The shortcut of a skip is merged with its body, so both must have the same shape. A 1x1 convolution can "
        "change channels and stride, but it cannot crop: if the body loses pixels at its edges, no automatic shortcut "
        "fits."
    ),
    bad="- skip: {blocks: [{conv: {out: 16, padding: valid}}]}",
    good="- skip: {blocks: [{conv: 16}]}",
)

Merge = Literal["add", "concat", "multiply"]
MERGES = {"add": Add(), "concat": Concat(), "multiply": Multiply()}


SHORTCUTS = ("auto", "identity")


def _shortcut(node: Node, env: Env) -> Any:
    if not isinstance(node.value, str):
        return read_blocks(node, one_level_in(node, env))
    if node.value in SHORTCUTS:
        return node.value
    hint = did_you_mean(node.value, SHORTCUTS, is_value=True, more=", or a list of blocks")
    env.report(VALUE, node.span, f"shortcut: there is no {node.value}", hint)
    return INVALID


Shortcut = Annotated[
    Literal["auto", "identity"] | tuple[Block, ...],
    Child(_shortcut, {"anyOf": [{"enum": list(SHORTCUTS)}, BLOCK_LIST]}),
    Field(description="auto, identity, or a list of blocks"),
]


@register
class Skip(Block):
    """A body of blocks, a shortcut around it, and a merge of the two.

    `shortcut: auto` is the identity if the shapes match, else a 1x1 conv with the necessary stride, followed by a norm;
    the report says which.
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
    merge: Annotated[Merge, Field(description="how the two are merged")] = "add"
    norm: Annotated[NormField, Field(description="the norm after an automatic projection")] = Norm.model_construct()

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.KIND):
            start, count = g.value, g.count
            lower_blocks(self.blocks, g)
            body, g.value = g.value, start
            note = self._lower_shortcut(g, body, count)
            if note is not None:
                g.add(MERGES[self.merge], self.merge, (body, g.value), note)
            else:
                g.value = body  # the error in the shortcut is reported; continue with the body

    def _lower_shortcut(self, g: GraphBuilder, end: str, count: int) -> str | None:
        """Append the shortcut; returns a remark for the report, or None if no shortcut fits."""
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
        return self._project(g, g.shape, body, out, _strides(g, g.value, g.since(count), end))

    def _project(self, g: GraphBuilder, x: Shape, body: Shape, out: int, stride: tuple[Pixels, Pixels]) -> str | None:
        if x.flat or (_subsampled(x.h, stride[0]), _subsampled(x.w, stride[1])) != (body.h, body.w):
            message = f"no 1x1 conv turns {x} into {body}, the output of the body"
            hint = "pad the convs of the body (padding: same), or write the blocks of the shortcut"
            g.report(NO_PROJECTION, message, hint, "shortcut")
            return None
        with g.scope("shortcut"):
            g.add(Conv2d(out, (1, 1), (int(stride[0]), int(stride[1])), bias=self.norm.kind == "none"), "conv")
            self.norm.lower(g)
        return "shortcut: 1x1 projection"


def _strides(g: GraphBuilder, start: str, body: Sequence[Layer], end: str) -> tuple[Pixels, Pixels]:
    """The strides of the body, which its shortcut must have too: equal shapes alone do not align the two."""
    strides: dict[str, tuple[Pixels, Pixels]] = {start: (1, 1)}
    for node in body:
        known = next((strides[name] for name in node.inputs if name in strides), None)
        if known is not None:
            try:
                step = node.op.reach((Reach(),) * len(node.inputs), g.graph.inputs(node)).stride
            except OpError:  # a merge of unequal branches, already reported
                step = (1, 1)
            strides[node.name] = (known[0] * step[0], known[1] * step[1])
    return strides.get(end, (1, 1))


def _subsampled(side: int, stride: Pixels) -> int:
    """The side after a 1x1 conv of this stride; 0 if there is no such conv (the body enlarges the map)."""
    return (side - 1) // int(stride) + 1 if stride == int(stride) else 0
