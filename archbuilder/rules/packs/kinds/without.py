"""without: layers that must not occur."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import FORBIDDEN, Miss, Outcome, Rule
from archbuilder.rules.packs.words import read_words, words
from archbuilder.schema.fields import Check


@register
class Without(Rule):
    """None of these layers, by the names of blocks, ops and activations: `max_pool`, `dropout`, `group_norm`, `gelu`.

    `max_pool` is also a global one; `dilated`, `strided`, `depthwise` and `grouped` are told by what a conv does.
    """

    POSITIONAL: ClassVar[str] = "layers"
    EXAMPLE: ClassVar[str] = "without: max_pool"
    REJECTS: ClassVar[dict[str, str]] = {
        "without": "AB102",
        "without: maxpool": "AB103",
        "without: []": "AB103",
        "without: {layers: gelu, stages: C1}": "AB101",
    }

    layers: Annotated[tuple[str, ...], Check(read_words), Field(description="one word or a list of words")]

    @property
    def title(self) -> str:
        return self.name or f"no {', '.join(self.layers)}"

    def forbids(self) -> Iterable[str]:
        return self.layers

    def judge(self, net: Network) -> Outcome:
        misses: dict[int, Miss] = {}
        for node in net.graph.nodes.values():
            if words(net, node) & set(self.layers):
                message = f"{node.name} is {node.op.describe()}, and {self.title} is allowed"
                misses.setdefault(id(node.place), Miss(FORBIDDEN, message, self._hint(), node.span))
        return Outcome(says="none there", misses=tuple(misses.values()))

    def _hint(self) -> str:
        if set(self.layers) & {"max_pool", "adaptive_max_pool", "avg_pool"}:
            return "let a conv with stride 2 halve the map: strided"
        return "leave it out, or use another layer"
