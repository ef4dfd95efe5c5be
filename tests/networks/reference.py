"""22 networks that other people wrote: the facts of the originals, and the built network put in their words.

reference.json holds, per network, what a forward pass of the original calls: each leaf's type, output shape,
parameters and hyper-parameters in order, which of them are added or concatenated (add1 is the first sum), the
totals, and the receptive field before its pool, measured by gradient.  The networks themselves are written in
the YAML files beside it and in architectures/seeds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.modules import build
from archbuilder.pipeline import analyse_file

HERE = Path(__file__).parent
SEEDS = HERE.parent.parent / "architectures" / "seeds"
NETWORKS: list[dict[str, Any]] = json.loads((HERE / "reference.json").read_text())
REFERENCE = {network["id"]: network for network in NETWORKS}
NAMES = sorted(REFERENCE)

# what the originals do with calls of functions, so that their leaves do not show it
CALLS = {name: {"Add", "Concat", "Flatten"} for name in NAMES}
CALLS["swapniel99"].remove("Flatten")
CALLS["pyarakasrikanth"].add("ReLU")

Leaf = dict[str, Any]  # a layer in the words of the reference


def path(name: str) -> Path:
    """The YAML file of a network."""
    return (SEEDS if name.startswith("seed") else HERE) / f"{name}.yaml"


def load(name: str) -> tuple[Graph, Facts]:
    """The graph and the facts of a network, whether or not it meets its limits."""
    return analyse_file(path(name))


def original(name: str) -> list[Leaf]:
    """The original's leaves in the order in which it runs them; a final log_softmax is left out."""
    return [comparable(layer) for layer in REFERENCE[name]["layers"] if layer["type"] != "LogSoftmax"]


def comparable(layer: Mapping[str, Any]) -> Leaf:
    """A layer with sizes as [height, width]."""
    leaf = {key: value for key, value in layer.items() if key != "name"}
    if leaf.get("p") == "same":
        assert leaf["s"] == [1, 1], "torch pads the same at stride 1 only"
        leaf["p"] = [d * (k - 1) // 2 for d, k in zip(leaf["d"], leaf["k"], strict=True)]
    if leaf["type"].startswith("Dropout"):
        return leaf
    return leaf | {key: pair(leaf[key]) for key in ("k", "s", "p", "d", "output_size") if key in leaf}


def pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


def executed(graph: Graph) -> dict[str, Leaf]:
    """Per node what torch runs for it: the built module's leaves in a forward pass, in order."""
    module = build(graph).eval()
    found: list[Leaf] = []
    counted: set[nn.Module] = set()

    def keep(leaf: nn.Module, _: object, out: torch.Tensor) -> None:
        params = 0 if leaf in counted else sum(p.numel() for p in leaf.parameters())
        counted.add(leaf)
        facts = {"type": type(leaf).__name__, "out": list(out.shape[1:]), "params": params}
        found.append(comparable(facts | hyper_parameters(leaf)))

    for leaf in module.modules():
        if not list(leaf.children()):
            leaf.register_forward_hook(keep)
    with torch.no_grad():
        module(torch.zeros(1, *graph.input.dims))
    return dict(zip(graph.nodes, found, strict=True))


def hyper_parameters(leaf: nn.Module) -> Leaf:
    """The attributes of a leaf in the reference, in addition to its type, shape and parameters."""
    match leaf:
        case nn.Conv2d():
            facts = {"cin": leaf.in_channels, "cout": leaf.out_channels, "k": leaf.kernel_size, "s": leaf.stride}
            facts |= {"p": leaf.padding, "d": leaf.dilation, "groups": leaf.groups, "bias": leaf.bias is not None}
            return facts if leaf.padding_mode == "zeros" else facts | {"padding_mode": leaf.padding_mode}
        case nn.BatchNorm2d():
            return {"n": leaf.num_features}
        case nn.Dropout() | nn.Dropout2d():
            return {"p": leaf.p}
        case nn.MaxPool2d():
            assert pair(leaf.dilation) == [1, 1] and not leaf.ceil_mode
            return {"k": leaf.kernel_size, "s": leaf.stride, "p": leaf.padding}
        case nn.AvgPool2d():
            assert not leaf.ceil_mode
            return {"k": leaf.kernel_size, "s": leaf.stride, "p": leaf.padding}
        case nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d():
            return {"output_size": leaf.output_size}
        case nn.Linear():
            return {"cin": leaf.in_features, "cout": leaf.out_features, "bias": leaf.bias is not None}
        case _:
            return {}


def in_order_of(layers: list[Leaf], graph: Graph, leaves: Mapping[str, Leaf], calls: set[str]) -> Iterator[Node]:
    """The graph's nodes in an order in which it could run, that of `layers` where there is one.

    A branch may be run before or after another: of the nodes whose inputs are there, the one whose leaf `layers`
    has next is taken, and the first where none is like it.  What the original does by `calls` is left out.
    """
    waiting, done = list(graph.nodes.values()), {INPUT}
    position = 0
    while waiting:
        ready = [node for node in waiting if done.issuperset(node.inputs)]
        silent = [node for node in ready if leaves[node.name]["type"] in calls]
        wanted = layers[position] if position < len(layers) else None
        like = [node for node in ready if leaves[node.name] == wanted]
        node = (silent or like or ready)[0]
        if not silent:
            yield node
            position += 1
        waiting.remove(node)
        done.add(node.name)
