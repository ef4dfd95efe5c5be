"""branches: parallel paths that are merged."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.blocks import BLOCK_LIST, Block, lower_blocks, one_level_in, read_blocks, register
from archbuilder.blocks.skip import MERGES, Merge
from archbuilder.document.nodes import Node
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import ChannelSlice
from archbuilder.ir.ops.shuffle import SIZES
from archbuilder.schema.env import Env
from archbuilder.schema.fields import Check, Variables, expected, integer, reads
from archbuilder.schema.model import FORM, INVALID, Child


def _read_paths(node: Node, env: Env) -> Any:
    if not node.is_list or len(node.value) < 2:
        env.report(
            FORM,
            node.span,
            "expected at least two paths",
            "write paths: [[conv: 16], []]; an empty path is the identity",
        )
        return INVALID
    inner = one_level_in(node, env)
    paths = tuple(read_blocks(path, inner) for path in node.value)
    return INVALID if INVALID in paths else paths


_size = integer(1)


@reads(anyOf=[{"type": "boolean"}, {"type": "array", "items": _size.form, "minItems": 2}])
def _split(value: Any, variables: Variables) -> bool | tuple[int, ...]:
    """Validate `split`: true, false, or the number of channels of each path."""
    if isinstance(value, (list, tuple)):
        return tuple(_size(each, variables) for each in value)
    if not isinstance(value, bool):
        raise expected(
            "true, false or a list of sizes",
            value,
            "split: true makes equal parts, split: [4, 12] parts of these sizes",
        )
    return value


@register
class Branches(Block):
    """Parallel paths from the current value, merged at the end. An empty path is the identity.

    By default each path gets all channels. With `split: true` each gets an equal share of them, with `split: [4, 12]`
    the first gets 4 and the second 12.
    """

    EXAMPLE: ClassVar[str] = "branches: {paths: [[{conv: 8}], [{conv: {out: 8, kernel: 5}}, {conv: 8}], []]}"
    REJECTS: ClassVar[dict[str, str]] = {
        "branches": "AB102",
        "branches: {paths: [[{conv: 8}]]}": "AB104",
        "branches: {paths: [[{conv: 8}], [{strided: 8}]]}": "AB305",
        "branches: {paths: [[], [], []], split: true}": "AB301",
        "branches: {paths: [[], []], split: [4, 4, 8]}": "AB312",
        "branches: {paths: [[], []], split: [4, 8]}": "AB312",
    }

    paths: Annotated[
        tuple[tuple[Block, ...], ...],
        Child(_read_paths, {"type": "array", "minItems": 2, "items": BLOCK_LIST}),
        Field(description="lists of blocks, at least two"),
    ]
    merge: Annotated[Merge, Field(description="how the paths are merged")] = "concat"
    split: Annotated[
        bool | tuple[int, ...],
        Check(_split),
        Field(description="divide the channels among the paths: true, or a number of channels for each"),
    ] = False

    def lower(self, g: GraphBuilder) -> None:
        sizes = self.split if isinstance(self.split, tuple) else ()
        if sizes and len(sizes) != len(self.paths):
            message = f"{len(sizes)} sizes for {len(self.paths)} paths"
            g.report(SIZES, message, "write one number of channels per path", "split")
            g.forget()
            return
        with g.scope(self.name or self.KIND):
            start, ends = g.value, []
            for number, path in enumerate(self.paths):
                g.value = start
                with g.scope(f"path{number + 1}"):
                    if self.split:
                        g.add(ChannelSlice(number, len(self.paths), sizes), "split")
                    lower_blocks(path, g)
                ends.append(g.value)
            g.add(MERGES[self.merge], self.merge, tuple(ends))
