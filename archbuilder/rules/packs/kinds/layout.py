"""layout: an exact order of convs, pools and linear layers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.analysis.memory import BYTES
from archbuilder.blocks import Block
from archbuilder.blocks.conv import Conv, Convolution
from archbuilder.diagnostics import Span, show
from archbuilder.ir.graph import Node, block_path
from archbuilder.ir.ops import AdaptivePool, AvgPool2d, Conv2d, Linear, MaxPool2d
from archbuilder.remedy import Change, Hint, Insert, Remove
from archbuilder.rules.limits import dtype_of
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.kinds.convs import Convs
from archbuilder.rules.packs.kinds.depthwise_separable import DepthwiseSeparable
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import STRUCTURE, Demand, Evidence, Outcome, Rule, missed
from archbuilder.schema.fields import Check, Variables, failure, reads
from archbuilder.spec.limits import Limit

CONV, POINT, POOL, GAP, LINEAR = "C", "c", "P", "GAP", "FC"
_WORDS = {
    CONV: "a 3x3 conv",
    POINT: "a 1x1 conv",
    POOL: "a pool other than GAP",
    GAP: "a global average pool",
    LINEAR: "a linear layer",
}
_BLOCKS = {CONV: "conv", POINT: "pointwise", POOL: "max_pool", GAP: "gap", LINEAR: "linear"}
_ANSWERS = {  # words of rules/packs/words.py; such a layer has one of them
    CONV: frozenset({"conv"}),
    POINT: frozenset({"pointwise"}),
    POOL: frozenset({"adaptive_avg_pool", "avg_pool", "max_pool"}),
    GAP: frozenset({"gap"}),
    LINEAR: frozenset({"linear"}),
}
_WEIGHTS = {CONV: 9, POINT: 1, LINEAR: 1}  # smallest number of weights per channel
_TOKEN = re.compile(r"(C|c|P|GAP|FC)[0-9]{0,3}(?::([1-9][0-9]{0,4}))?")
MAX_TOKENS = 200
Found = tuple[str, Node]  # what a layer is in an order, and the layer
_FORM = rf"^\s*(({_TOKEN.pattern})(\s+|$))+$"


@reads(type="string", pattern=_FORM, examples=["C1 C2 c3 P1 C4 GAP c5"])
def _order(value: Any, variables: Variables) -> tuple[str, ...]:
    tokens = tuple(value.split()) if isinstance(value, str) else ()
    if not 0 < len(tokens) <= MAX_TOKENS:
        raise failure(f"{show(value, 40)} is not an order of layers", "write for example C1 C2 c3 P1 C4 GAP c5")
    if wrong := [token for token in tokens if not _TOKEN.fullmatch(token)]:
        known = ", ".join(f"{letter} {words}" for letter, words in _WORDS.items())
        raise failure(
            f"{show(wrong[0], 40)} is not a layer of an order",
            f"known here: {known}; a number may follow, and the channels: C1:64",
        )
    return tokens


@register
class Layout(Rule):
    """Exactly these convs, pools and linear layers, in this order, along the main path: `layout: C1 C2 c3 P1 C4 GAP
    c5`.

    `C` is a 3x3 conv, `c` a 1x1 conv, `GAP` a global average pool, `P` any other pool and `FC` a linear layer. The
    numbers after them are names of the assignment and have no meaning; `C1:64` is a conv with 64 channels. Norms,
    activations, dropouts, stride, dilation and groups are free. Convs of a shortcut or a gate are not on the main path.
    A depthwise separable pair is two convs.
    """

    POSITIONAL: ClassVar[str] = "order"
    EXAMPLE: ClassVar[str] = "layout: C1 C2 c3 P1 C4 GAP c5"
    REJECTS: ClassVar[dict[str, str]] = {"layout": "AB102", "layout: C1 X2": "AB103", "layout: []": "AB103"}

    order: Annotated[tuple[str, ...], Check(_order), Field(description="the layers, separated by spaces")]

    def demands(self) -> Iterator[Demand]:
        kinds = Counter(map(kind_of, self.order))
        yield Demand(frozenset().union(*(_ANSWERS[kind] for kind in kinds)), len(self.order))
        for kind in kinds:
            yield Demand(_ANSWERS[kind], kinds[kind])

    def least(self, of: Limit) -> int:
        """A lower bound: weights of reused layers count once, and a conv may have one group per channel."""
        if of.name not in ("params", "flash"):
            return super().least(of)
        channels: dict[str, set[int]] = {}
        for token in self.order:
            channels.setdefault(kind_of(token), set()).add(channels_of(token))
        size = BYTES[dtype_of(of)] if of.name == "flash" else 1
        return size * sum(_WEIGHTS.get(kind, 0) * max(sum(each), 1) for kind, each in channels.items())

    def excludes(self, other: Rule) -> str:
        kinds = Counter(map(kind_of, self.order))
        if isinstance(other, Convs) and (count := kinds[CONV] + kinds[POINT]) < (asked := other.convs):
            return f"there are {count} convs in the order, but {asked} are required"
        if isinstance(other, DepthwiseSeparable) and other.kernel > (most := 3 if kinds[CONV] else 1):
            return f"no conv of the order is larger than {most}x{most}"
        if not isinstance(other, Layout):
            return ""
        mine, theirs = ([kind_of(token) for token in each] for each in (self.order, other.order))
        if mine != theirs:
            return "the two orders differ"
        pairs = zip(map(channels_of, self.order), map(channels_of, other.order), strict=True)
        return next((f"{one} and {two} channels" for one, two in pairs if one and two and one != two), "")

    def judge(self, net: Network) -> Outcome:
        found = [(kind, node) for node in net.graph.nodes.values() if (kind := _letter(net, node))]
        for number, token in enumerate(self.order):
            if number == len(found):
                message = f"{token}, {_WORDS[kind_of(token)]}, is missing: the network has {len(found)} such layers"
                return self._missed(net, found, number, message)
            kind, node = found[number]
            if kind != kind_of(token):
                message = f"{token}, {_WORDS[kind_of(token)]}, is required instead of {_said(kind, node)}"
                return self._missed(net, found, number, message)
            if (channels := channels_of(token)) and node.shape.c != channels:
                message = f"{token} must have {channels} channels, but {block_path(node)} has {node.shape.c}"
                has_field = isinstance(block := node.place, Block) and "out" in type(block).model_fields
                edit, words = (
                    Change({"out": str(channels)}, say="set {}"),
                    f"give it {channels} channels; {self._asked}",
                )
                hint: Hint = edit if has_field and _is_whole(node, found) else words
                return missed(STRUCTURE, message, hint, node.span)
        if len(found) > len(self.order):
            kind, node = found[len(self.order)]
            message = f"{self.order[-1]} must be the last layer, but {_said(kind, node)} follows"
            return self._missed(net, found, len(self.order), message)
        return Outcome(tuple(_evidence(found)), "")

    @property
    def _asked(self) -> str:
        return f"the order is {' '.join(self.order)}"

    def _missed(self, net: Network, found: Sequence[Found], number: int, message: str) -> Outcome:
        """What to do about the first layer that differs: change it, leave it out, or put another before it."""
        order = self._asked
        if not found:
            return missed(STRUCTURE, message, order, net.place)
        kinds, wanted = [kind for kind, _ in found], list(map(kind_of, self.order))
        node = found[min(number, len(found) - 1)][1]
        if number == len(found):
            hint: Hint = Insert((self._text(net, number, node.shape.c),), say=f"put {{}} after it; {order}")
            return missed(STRUCTURE, message, hint, _holder(net, node))
        is_whole = _is_whole(node, found)
        is_other = len(kinds) == len(wanted) or kinds[number + 1 : number + 2] == wanted[number + 1 : number + 2] != []
        if is_other and is_whole and (change := self._change(node, number, order)):
            return missed(STRUCTURE, message, change, node.span)
        if len(kinds) > len(wanted):
            return missed(STRUCTURE, message, Remove(say=f"remove it; {order}") if is_whole else order, node.span)
        is_first = not number or net.owners[found[number - 1][1].name] != net.owners[node.name]
        place = _holder(net, node) if is_first else node.span
        text = self._text(net, number, net.channels(node))
        return missed(STRUCTURE, message, Insert((text,), before=True, say=f"put {{}} before it; {order}"), place)

    def _text(self, net: Network, number: int, channels: int) -> str:
        """The block for a token, with as many channels as it says, or as are there."""
        kind, channels = kind_of(self.order[number]), channels_of(self.order[number]) or channels
        if number == len(self.order) - 1 and kind in (POINT, LINEAR) and net.spec.classes:
            return "classifier" if kind == POINT else "classifier: linear"
        return {POOL: "max_pool: 2", GAP: "gap"}.get(kind, f"{_BLOCKS[kind]}: {channels}")

    def _change(self, node: Node, number: int, order: str) -> Change | None:
        """A block as one that makes the layer of a token; None where it is of a kind that none is made of."""
        token, block = self.order[number], node.place
        kind, say = kind_of(token), f"write {{}}; {order}"
        if not isinstance(block, Block):
            return None
        if block.KIND == "classifier":
            return (
                Change({"kind": "linear" if kind == LINEAR else "conv"}, say=say) if kind in (POINT, LINEAR) else None
            )
        if kind == CONV and isinstance(block, Conv) and block.KIND != "pointwise":
            return Change({"kernel": "3"}, say=say)
        is_conv = isinstance(block, Convolution)
        if kind in (POOL, GAP):
            fields, kept = {POOL: {"kernel": "2"}, GAP: {}}[kind], {"name"}
        elif kind in (CONV, POINT) and is_conv:
            fields, kept = {}, (set(Convolution.model_fields) | {"name", "out"}) - {"kernel", "dilation"}
        else:
            fields, kept = {"out": str(channels_of(token) or node.shape.c)}, {"name"}
        return Change(fields, sorted(set(type(block).model_fields) - kept), _BLOCKS[kind], say=say)


def _is_whole(node: Node, found: Sequence[Found]) -> bool:
    """Whether the block of a layer makes this layer only."""
    return sum(other.place is node.place for _, other in found) == 1


def _holder(net: Network, node: Node) -> Span:
    """The place of the top-level block that a layer is in; its own where that cannot be told."""
    owner = net.owners[node.name]
    return net.spec.network[owner].span() if owner >= 0 else node.span


def _evidence(found: list[tuple[str, Node]]) -> Iterator[Evidence]:
    for _, node in found:
        yield from Evidence.of(node)


def kind_of(token: str) -> str:
    """The kind of layer that a token means: one of the letters."""
    return token.partition(":")[0].rstrip("0123456789")


def channels_of(token: str) -> int:
    """The number of channels that a layer must have; 0 if it is free."""
    return int(token.partition(":")[2] or 0)


def _letter(net: Network, node: Node) -> str:
    """The letter of a layer; `?` for a conv of another size, empty for layers that an order does not list."""
    op = node.op
    if node.name in net.gates | net.shortcuts:
        return ""
    if isinstance(op, Conv2d):
        return {(3, 3): CONV, (1, 1): POINT}.get(op.kernel, "?")
    if isinstance(op, Linear):
        return LINEAR
    if isinstance(op, (AdaptivePool, AvgPool2d)) and op.is_global(net.graph.inputs(node)):
        return POOL if isinstance(op, AdaptivePool) and op.maximum else GAP
    return POOL if isinstance(op, (AdaptivePool, AvgPool2d, MaxPool2d)) else ""


def _said(kind: str, node: Node) -> str:
    size = f"a conv of {'x'.join(map(str, node.op.kernel))}" if isinstance(node.op, Conv2d) else ""
    return f"{block_path(node)} ({_WORDS.get(kind, size)})"
