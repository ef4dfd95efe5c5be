"""The operators and tensors of a network on TensorFlow Lite for Microcontrollers.

Maps have shape (1, height, width, channels), vectors (1, features). Norms and scales after a convolution are folded
into its weights, ReLU and ReLU6 are fused into the operator before them, dropouts are removed, and a padding that
differs from the runtime's SAME becomes a separate operator with its own tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from archbuilder.ir.graph import Node
from archbuilder.remedy import Hint

INT8, FLOAT32 = "int8", "float32"
LOWEST = "lowest"  # a constant: the lowest value of the dtype, which never wins a maximum

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
FUSES = (*WEIGHTED, "ADD", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D")  # with ReLU and ReLU6
# operators that copy or average numbers: all their tensors have the same scale
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
# scale and zero point of the output, independent of the input
FIXED_SCALE = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}


class Lacking(Exception):
    """Raised if there is no kernel; `hint` says what to use instead."""

    def __init__(self, reason: str, hint: Hint) -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True)
class Weights:
    """A constant computed from a network's weights: those of `layer`, changed by each layer in `folded`.

    part:   filter, bias; factor and offset of a norm or scale that is not folded; slope of a PReLU.
    layer:  a convolution or a linear layer; None for a filter of ones, which only `folded` changes.
    rows:   (channels, height, width) of the map that a linear layer reads as a vector, None if it reads a vector.
    """

    part: str
    layer: Node | None
    folded: tuple[Node, ...] = ()
    rows: tuple[int, int, int] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal keys mean equal numbers, so the weights of a shared layer are stored once."""
        modules = tuple(node.module for node in (self.layer, *self.folded) if node is not None)
        return self.part, self.layer is None, modules, self.rows


@dataclass(frozen=True)
class Tensor:
    """A tensor that operators read or write. Constants have a `content`, computed tensors have none.

    The dtype of a constant is int32 if its values are counts (sizes, axes), else that of the network.
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
    """A kernel with its input tensors (computed ones first, then constants) and its output tensor.

    `node` is the layer that it implements, `options` are those of the kernel, by name: stride, dilation and kernel as
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
    """Operators in order, and all their tensors by name; `lacking` are the layers without a kernel."""

    operators: tuple[Operator, ...]
    tensors: Mapping[str, Tensor]
    input: str
    output: str
    dtype: str
    lacking: tuple[tuple[Node, Lacking], ...] = ()

    def __deepcopy__(self, memo: object) -> Program:
        return self  # immutable, and its places refer to the whole file

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels that the runtime's op resolver must register."""
        return tuple(sorted({operator.kernel for operator in self.operators}))

    @property
    def written(self) -> Iterator[Tensor]:
        """The tensors in the arena: the image and the outputs of operators, in order."""
        return (tensor for tensor in self.tensors.values() if tensor.content is None)

    def computed(self, operator: Operator) -> Iterator[Tensor]:
        """The inputs of an operator that are in the arena."""
        tensors = (self.tensors[name] for name in operator.inputs)
        return (tensor for tensor in tensors if tensor.content is None)
