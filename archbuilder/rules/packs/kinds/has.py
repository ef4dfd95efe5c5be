"""has: layers that must occur."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import LACKING, Demand, Evidence, Outcome, Rule, missed
from archbuilder.rules.packs.words import read_words, words
from archbuilder.schema.fields import Check, Positive


@register
class Has(Rule):
    """The network must have at least this many layers of one of these kinds; names are those of `without`."""

    POSITIONAL: ClassVar[str] = "layers"
    EXAMPLE: ClassVar[str] = "has: {layers: squeeze_excite, at_least: 2}"
    REJECTS: ClassVar[dict[str, str]] = {
        "has": "AB102",
        "has: attention": "AB103",
        "has: {layers: skip, times: 2}": "AB101",
    }

    layers: Annotated[
        tuple[str, ...], Check(read_words), Field(description="one word, or a list of words any of which counts")
    ]
    at_least: Annotated[Positive, Field(description="the smallest number")] = 1

    @property
    def title(self) -> str:
        return self.name or " or ".join(self.layers)

    def demands(self) -> Iterator[Demand]:
        yield Demand(frozenset(self.layers), self.at_least)

    def judge(self, net: Network) -> Outcome:
        found: dict[str, Evidence] = {}
        for node in net.graph.nodes.values():
            if words(net, node) & set(self.layers):
                (block,) = Evidence.of(node)
                found.setdefault(block.name, block)  # a block of several layers (squeeze_excite) counts once
        if len(found) >= self.at_least:
            return Outcome(tuple(found.values()))
        wanted = " or ".join(self.layers)
        message = f"there is no {wanted}"
        if self.at_least > 1:
            message = f"there are {len(found)} of {wanted}, but at least {self.at_least} are required"
        return missed(LACKING, message, f"add {wanted}", net.place)
