"""join: connections from earlier blocks."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.blocks.skip import MERGES, Merge
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Names


@register
class Join(Block):
    """Merges the current value with the outputs of earlier blocks, which are given by their `name:`.

    A concatenation has the order of `from`; the current value comes last unless `from` contains it.
    """

    POSITIONAL: ClassVar[str] = "from"
    EXAMPLE: ClassVar[str] = "- conv: {name: early, out: 16}\n- conv: 16\n- join: {from: [early], merge: add}"
    REJECTS: ClassVar[dict[str, str]] = {
        "join": "AB102",
        "join: {from: [later]}": "AB206",
        "- strided: {name: a, out: 16}\n- strided: 16\n- join: a": "AB305",
    }

    sources: Annotated[Names, Field(alias="from", min_length=1, description="names of earlier blocks")]
    merge: Annotated[Merge, Field(description="how the values are merged")] = "add"

    def lower(self, g: GraphBuilder) -> None:
        found = [g.recall(source, "from") for source in self.sources]
        if None in found:
            g.forget()
            return
        values = dict.fromkeys([value for value in found if value] + [g.value])
        g.add(MERGES[self.merge], self.name or self.KIND, tuple(values))
