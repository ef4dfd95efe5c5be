"""one_of: layers of one kind among several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.ir.graph import Node, block_path
from archbuilder.remedy import Change, Hint
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import FORBIDDEN, LACKING, Demand, Evidence, Miss, Outcome, Rule, missed
from archbuilder.rules.packs.words import NORMS, read_words, words
from archbuilder.schema.fields import Check


@register
class OneOf(Rule):
    """Layers of just one of these kinds, by the same names as in `without`: `one_of: [batch_norm, group_norm]`.

    At least one such layer, and none of two kinds. A layer that answers to several of the words is of the kind that
    is named last: `layer_norm` behind `group_norm` makes the group norm of a single group a kind of its own.
    """

    POSITIONAL: ClassVar[str] = "layers"
    EXAMPLE: ClassVar[str] = "one_of: [batch_norm, group_norm, layer_norm]"
    REJECTS: ClassVar[dict[str, str]] = {
        "one_of": "AB102",
        "one_of: [batch_norm, softnorm]": "AB103",
        "one_of: {layers: [skip, branches], at_least: 2}": "AB101",
    }

    layers: Annotated[tuple[str, ...], Check(read_words), Field(description="a list of words, one to a kind")]

    @property
    def title(self) -> str:
        return self.name or f"one of {', '.join(self.layers)}"

    def demands(self) -> Iterator[Demand]:
        yield Demand(frozenset(self.layers))

    def judge(self, net: Network) -> Outcome:
        found: dict[str, dict[str, Node]] = {}  # a block of several layers (squeeze_excite) counts once
        for node in net.graph.nodes.values():
            answers = words(net, node)
            for kind in [word for word in self.layers if word in answers][-1:]:
                found.setdefault(kind, {}).setdefault(block_path(node), node)
        if not found:
            wanted = " or ".join(self.layers)
            return missed(LACKING, f"there is no {wanted}", f"add {wanted}", net.place)
        kind = max(found, key=lambda each: len(found[each]))  # of most blocks, the first of two alike
        by = Evidence.of(*{id(node.place): node for node in found.pop(kind).values()}.values())
        misses: dict[int, Miss] = {}
        for other, node in ((other, node) for other, blocks in found.items() for node in blocks.values()):
            message = f"{node.name} is {node.op.describe()} beside {kind}: all are to be of one kind"
            misses.setdefault(id(node.place), Miss(FORBIDDEN, message, _remedy(node, kind, other), node.span))
        return Outcome(by, f"{kind} throughout", tuple(misses.values()))


def _remedy(node: Node, kind: str, other: str) -> Hint:
    norm = next((norm for norm, word in NORMS.items() if word == kind), None)
    if norm is None:
        return f"use {kind} here, or {other} everywhere"
    return (
        Change({"kind": norm}, ("groups", "over"), say="{}")
        if node.block == "norm"
        else Change({"norm": norm}, say="{}")
    )
