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
    """The network must not have these layers; names are those of blocks, ops and activations: `max_pool`, `dropout`,
    `group_norm`, `gelu`.

    `max_pool` includes global max pools; `dilated`, `strided`, `depthwise` and `grouped` depend on the settings of a
    conv, not on its block.
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
                message = f"{node.name} is {node.op.describe()}, but {self.title} is allowed"
                misses.setdefault(id(node.place), Miss(FORBIDDEN, message, self._hint(), node.span))
        return Outcome(says="none there", misses=tuple(misses.values()))

    def _hint(self) -> str:
        if set(self.layers) & {"max_pool", "adaptive_max_pool", "avg_pool"}:
            return "halve the map with a conv of stride 2: strided"
        return "remove it, or use another layer"
