"""The operators and tensors of a network on TensorFlow Lite for Microcontrollers.

Maps have their channels last, (1, height, width, channels), vectors are (1, features).  Norms and scales behind a
convolution are folded into its weights, ReLU and ReLU6 are fused into the operator before them, dropouts are gone, and
a padding that the runtime's own (SAME) is not becomes an operator with a tensor of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from archbuilder.ir.graph import Node
from archbuilder.remedy import Hint

INT8, FLOAT32 = "int8", "float32"
LOWEST = "lowest"  # a constant: the lowest value that there is, which no maximum takes

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
FUSES = (*WEIGHTED, "ADD", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D")  # with ReLU and ReLU6
# what hands on the numbers as they are, or averages them: all of its tensors have one scale
SAME_SCALE = (
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "MAX_POOL_2D",
    "MIRROR_PAD",
    "PAD",
    "PADV2",
    "REDUCE_MAX",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "STRIDED_SLICE",
    "TRANSPOSE",
)
FIXED_SCALE = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}  # of what they give, whatever they get


class Lacking(Exception):
    """There is no kernel; `hint` says what to use instead."""

    def __init__(self, reason: str, hint: Hint) -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True)
class Weights:
    """A constant that comes of a network's weights, folded: its `layer`'s own, then what each of `folded` does to it.

    part:   filter, bias; factor and summand of a norm or scale that nothing takes in; slope of a PReLU.
    layer:  a convolution or a linear layer; None for a filter of ones, which `folded` alone makes something of.
    rows:   (channels, height, width) of the map that a linear layer reads as a vector, None where it reads a vector.
    """

    part: str
    layer: Node | None
    folded: tuple[Node, ...] = ()
    rows: tuple[int, int, int] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal where the numbers are: a shared layer's weights are stored once."""
        modules = tuple(node.module for node in (self.layer, *self.folded) if node is not None)
        return self.part, self.layer is None, modules, self.rows


@dataclass(frozen=True)
class Tensor:
    """Something that operators read or write.  What is written has no `content`; constants do.

    A constant's dtype is int32 where its values count something (sizes, axes); else it has the network's.
    """

    name: str
    shape: tuple[int, ...]
    content: Weights | tuple[int, ...] | tuple[float, ...] | str | None = None
    counts: bool = False

    @property
    def elements(self) -> int:
        product = 1
        for size in self.shape:
            product *= size
        return product


@dataclass(frozen=True)
class Operator:
    """A kernel with the tensors it reads (what was computed first, then constants) and the one it writes.

    `node` is the layer that it does the work of, `options` the kernel's own, by name: stride, dilation and kernel as
    (height, width), padding SAME or VALID, activation NONE, RELU or RELU6.
    """

    kernel: str
    inputs: tuple[str, ...]
    output: str
    node: Node
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def activation(self) -> str:
        return str(self.options.get("activation", "NONE"))


@dataclass(frozen=True)
class Program:
    """Operators in order, and all of their tensors by name; `lacking` are the layers that there is no kernel for."""

    operators: tuple[Operator, ...]
    tensors: Mapping[str, Tensor]
    input: str
    output: str
    dtype: str
    lacking: tuple[tuple[Node, Lacking], ...] = ()

    def __deepcopy__(self, memo: object) -> Program:
        return self  # nothing in it changes, and its places lead to the whole file

    @property
    def kernels(self) -> tuple[str, ...]:
        """What the runtime's resolver must register."""
        return tuple(sorted({operator.kernel for operator in self.operators}))

    @property
    def written(self) -> Iterator[Tensor]:
        """The tensors that lie in the arena: the image and what operators write, in order."""
        return (tensor for tensor in self.tensors.values() if tensor.content is None)

    def computed(self, operator: Operator) -> Iterator[Tensor]:
        """The inputs of an operator that lie in the arena."""
        tensors = (self.tensors[name] for name in operator.inputs)
        return (tensor for tensor in tensors if tensor.content is None)
