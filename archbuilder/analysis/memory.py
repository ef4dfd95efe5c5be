"""Memory for one image, computed without torch: what training saves for the backward pass, and the peak of inference.

Both are lower bounds for a real runtime:
- training: torch's eager autograd with a batch of one image, activations not in place, a dropout's mask of one
  byte an element (as on a GPU); weights, their gradients, the optimizer and workspaces come on top;
- inference: the tensors that must be alive at once, as archbuilder.analysis.lifetimes says; weights and workspaces
  come on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archbuilder.analysis.lifetimes import live
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.ops import Dropout

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}  # per scalar
DTYPE = "float32"  # the default
INDEX = 8  # bytes of an index of a max pool


class Memory(NamedTuple):
    """Per layer, in order: scalars `live` while it runs; scalars and bytes that it saves for the backward pass.

    `peak` is the position of the layer with the most live scalars, `tensors` the tensors live there, in scalars.
    """

    live: tuple[int, ...]
    kept: tuple[int, ...]
    kept_bytes: tuple[int, ...]
    peak: int
    tensors: tuple[tuple[str, int], ...]

    def peak_bytes(self, dtype: str = DTYPE) -> int:
        """The largest sum of live tensors during inference, in bytes."""
        return sum(scalars for _, scalars in self.tensors) * BYTES[dtype]

    def kept_by_layer(self, dtype: str = DTYPE) -> Iterator[int]:
        """The bytes that each layer saves for the backward pass of one image."""
        size = BYTES[dtype]
        return (scalars * size + fixed for scalars, fixed in zip(self.kept, self.kept_bytes, strict=True))

    def training_bytes(self, dtype: str = DTYPE) -> int:
        """Bytes saved for the backward pass of one image."""
        return sum(self.kept_by_layer(dtype))


def measure(graph: Graph, mask: int = 1) -> Memory:
    """The memory of a graph; the mask of a dropout takes `mask` bytes per element (on a CPU as many as its dtype)."""
    alive = live(graph)
    scalars, extra = _training(graph, mask)
    return Memory(alive.scalars, scalars, extra, alive.peak, alive.tensors)


def _training(graph: Graph, mask: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Per layer, the scalars and the bytes that it is the first to save."""
    owner = {INPUT: INPUT}  # per value, the value that owns its storage
    needs = {INPUT: False}  # whether a gradient flows through it
    done: set[str] = set()
    scalars, extra = [], []
    for node in graph.nodes.values():
        shapes, flows = graph.inputs(node), tuple(needs[name] for name in node.inputs)
        needs[node.name] = any(flows) or (node.op.params(shapes) > 0 and not node.op.frozen)
        owner[node.name] = owner[node.inputs[0]] if _is_its_input(node) else node.name
        if not needs[node.name]:
            scalars.append(0)
            extra.append(0)
            continue
        keeps = node.op.kept(shapes, flows)
        values = {owner[node.inputs[i]] for i in keeps.inputs} | ({owner[node.name]} if keeps.output else set())
        scalars.append(keeps.scalars + sum(graph.shape(name).elements for name in values - done))
        extra.append(keeps.masked * mask + keeps.indices * INDEX)
        done |= values
    return tuple(scalars), tuple(extra)


def _is_its_input(node: Node) -> bool:
    """Whether the output of a layer in training is its input, or a view of it."""
    return node.op.is_view or (isinstance(node.op, Dropout) and node.op.p == 0)
