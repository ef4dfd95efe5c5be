"""without: layers that must not occur."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.ir.graph import Node
from archbuilder.ir.ops import Activation, Dropout
from archbuilder.remedy import Change, Hint, Remove
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import FORBIDDEN, Miss, Outcome, Rule
from archbuilder.rules.packs.words import NORMS, read_words, with_what_needs, words
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
                misses.setdefault(id(node.place), Miss(FORBIDDEN, message, self._remedy(net, node), node.span))
        return Outcome(says="none there", misses=tuple(misses.values()))

    def _remedy(self, net: Network, node: Node) -> Hint:
        """Another norm or activation where the layer is one, none where there is no other."""
        field = "dropout" if isinstance(node.op, Dropout) else "activation" if isinstance(node.op, Activation) else ""
        field = "norm" if words(net, node) & set(NORMS.values()) else field
        if field:
            kinds = {"dropout": {}, "norm": NORMS, "activation": {kind: kind for kind in ("relu", "silu", "hardswish")}}
            forbidden = with_what_needs(self.layers)
            other = next((kind for kind, word in kinds[field].items() if word not in forbidden), "none")
            if node.block == field:
                return Remove() if other == "none" else Change({"kind": other}, ("groups", "over", "slope"), say="{}")
            return Change({field: "0" if field == "dropout" else other}, say="{}")
        if set(self.layers) & {"max_pool", "adaptive_max_pool", "avg_pool"}:
            return "halve the map with a conv of stride 2: strided"
        return "remove it, or use another layer"
