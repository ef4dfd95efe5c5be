"""The words by which rules refer to a layer: what it computes, and the block that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

from archbuilder.blocks import names as block_names
from archbuilder.blocks.activation import Kind
from archbuilder.diagnostics import did_you_mean
from archbuilder.ir import ops
from archbuilder.ir.graph import Node
from archbuilder.ir.op import Op
from archbuilder.rules.packs.network import Network, widened
from archbuilder.schema.fields import Variables, failure, reads

MAX_WORDS = 20

# for these blocks the op decides, so that `dilated: {kernel: 1}` does not count as a dilated conv
PRESETS = {"conv", "depthwise", "dilated", "gap", "grouped", "pointwise", "strided"}
SILENT = {"repeat", "stage", "use"}  # blocks that have no layer themselves

_PLAIN: dict[type[Op], str] = {
    ops.Add: "add",
    ops.AvgPool2d: "avg_pool",
    ops.BatchNorm2d: "batch_norm",
    ops.ChannelPad: "pad",
    ops.ChannelScale: "scale",
    ops.ChannelShuffle: "channel_shuffle",
    ops.ChannelSlice: "split",
    ops.Concat: "concat",
    ops.Dropout: "dropout",
    ops.Flatten: "flatten",
    ops.Gate: "gate",
    ops.InstanceNorm2d: "instance_norm",
    ops.Linear: "linear",
    ops.MaxPool2d: "max_pool",
    ops.Multiply: "multiply",
    ops.Pad2d: "pad",
    ops.Rescale: "rescale",
    ops.Upsample: "upsample",
}


def _conv(op: ops.Conv2d, net: Network, node: Node) -> set[str]:
    found = {"conv"}
    found |= {"pointwise"} if op.kernel == (1, 1) else set()
    found |= {"strided"} if max(op.stride) > 1 else set()
    found |= {"dilated"} if widened(op) else set()
    if op.groups > 1:
        found.add("depthwise" if net.is_depthwise(node) else "grouped")
    return found


def _adaptive(op: ops.AdaptivePool, net: Network, node: Node) -> set[str]:
    if op.maximum:
        return {"adaptive_max_pool", "max_pool"}
    return {"gap"} if op.size == (1, 1) and node.name not in net.gates else {"adaptive_avg_pool"}


def _group_norm(op: ops.GroupNorm, net: Network, node: Node) -> set[str]:
    return {"group_norm", "layer_norm"} if op.groups == 1 else {"group_norm"}


_SPECIAL: dict[type[Op], Callable[[Any, Network, Node], set[str]]] = {
    ops.Activation: lambda op, net, node: {"activation", op.kind},
    ops.AdaptivePool: _adaptive,
    ops.ChannelNorm: lambda op, net, node: {"channel_norm", "layer_norm"},
    ops.Conv2d: _conv,
    ops.GroupNorm: _group_norm,
}
NORMS = {"batch": "batch_norm", "group": "group_norm", "layer": "layer_norm", "instance": "instance_norm"}  # by kind

# a layer of the first word comes with a layer of one of these words
_COMPANIONS: dict[str, set[str]] = {
    **{word: {"activation"} for word in get_args(Kind)},
    **{word: {"conv"} for word in ("depthwise", "dilated", "grouped", "pointwise", "strided", "depthwise_separable")},
    "adaptive_max_pool": {"max_pool"},
    "branches": {"add", "concat", "multiply"},
    "classifier": {"conv", "linear"},
    "layer_norm": {"channel_norm", "group_norm"},
    "skip": {"add", "concat", "multiply"},
    "squeeze_excite": {"gate"},
}


def words(net: Network, node: Node) -> set[str]:
    """All words of a layer."""
    special = _SPECIAL.get(type(node.op))
    plain = _PLAIN.get(type(node.op))  # None for a custom op
    found = special(node.op, net, node) if special else {plain} if plain else set()
    if isinstance(node.op, ops.AvgPool2d) and node.op.is_global(net.graph.inputs(node)):
        found.add("gap")
    return found if node.block in PRESETS else found | {node.block}


def vocabulary() -> set[str]:
    """All words."""
    activations = set(get_args(Kind)) - {"none"}
    return (
        set(_PLAIN.values())
        | {*NORMS.values(), "channel_norm"}
        | activations
        | {"activation"}
        | set(block_names()) - SILENT
    )


def with_what_needs(forbidden: Iterable[str]) -> set[str]:
    """Forbidden words, and the words of layers that never occur without one of them."""
    found = set(forbidden)
    return found | {word for word, companions in _COMPANIONS.items() if companions <= found}


@reads(anyOf=[{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_WORDS}])
def read_words(value: Any, variables: Variables) -> tuple[str, ...]:
    """One word or a list of words."""
    found, known = tuple(value) if isinstance(value, (list, tuple)) else (value,), vocabulary()
    if len(found) > MAX_WORDS:
        raise failure(f"{len(found)} layers, at most {MAX_WORDS} are read")
    for word in found or ("",):
        if not isinstance(word, str) or word not in known:
            raise failure(f"there is no layer {word}", did_you_mean(str(word), known, is_value=True))
    return found
