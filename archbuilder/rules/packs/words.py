"""The words that a layer answers to in a rule: what it does, and the block that it was written as."""

from __future__ import annotations

from collections.abc import Callable
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

# what these blocks make is told by the op, so that `dilated: {kernel: 1}` does not pass for a dilated conv
PRESETS = {"conv", "depthwise", "dilated", "gap", "grouped", "pointwise", "strided"}
SILENT = {"repeat", "stage", "use"}  # blocks without a layer of their own

_PLAIN: dict[type[Op], str] = {
    ops.Add: "add",
    ops.AvgPool2d: "avg_pool",
    ops.BatchNorm2d: "batch_norm",
    ops.ChannelNorm: "channel_norm",
    ops.ChannelPad: "pad",
    ops.ChannelScale: "scale",
    ops.ChannelShuffle: "channel_shuffle",
    ops.ChannelSlice: "split",
    ops.Concat: "concat",
    ops.Dropout: "dropout",
    ops.Flatten: "flatten",
    ops.Gate: "gate",
    ops.GroupNorm: "group_norm",
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


_SPECIAL: dict[type[Op], Callable[[Any, Network, Node], set[str]]] = {
    ops.Activation: lambda op, net, node: {"activation", op.kind},
    ops.AdaptivePool: _adaptive,
    ops.Conv2d: _conv,
}


def words(net: Network, node: Node) -> set[str]:
    """Every word of a layer."""
    special = _SPECIAL.get(type(node.op))
    plain = _PLAIN.get(type(node.op))  # None for an op of the user's own
    found = special(node.op, net, node) if special else {plain} if plain else set()
    if isinstance(node.op, ops.AvgPool2d) and node.op.is_global(net.graph.inputs(node)):
        found.add("gap")
    return found if node.block in PRESETS else found | {node.block}


def vocabulary() -> set[str]:
    """Every word that there is."""
    activations = set(get_args(Kind)) - {"none"}
    return set(_PLAIN.values()) | activations | {"activation"} | set(block_names()) - SILENT


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
