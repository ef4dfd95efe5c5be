"""The contract of an op: every rule about it, stated once, beside its docstring.

An op knows nothing of YAML, names or places.  What is wrong with its operands it raises as an
OpError with values and a remedy; the GraphBuilder adds the place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from archbuilder.diagnostics import Code, declare
from archbuilder.ir.reach import Reach
from archbuilder.ir.shape import Shape, Shapes
from archbuilder.remedy import Hint

NEEDS_MAP = declare(
    "AB303",
    "a layer that needs a map but gets a vector",
    why="After flatten or a linear layer there is no height and width, so there is nothing for a window to slide over.",
    bad="""\
- flatten
- conv: 16""",
    good="""\
- conv: 16
- flatten""",
)
NEEDS_VECTOR = declare(
    "AB304",
    "a layer that needs a vector but gets a map",
    why=(
        "A linear layer takes a vector. Torch would apply it to the last axis of a map, its columns, which is hardly "
        "ever meant."
    ),
    bad="""\
- conv: 16
- linear: 10""",
    good="""\
- conv: 16
- gap
- flatten
- linear: 10""",
)


class OpError(Exception):
    """Operands that an op cannot take.

    `field` names the block's field to point at; `shape` is the output shape to go on with where
    there is a sensible one, so that what follows can still be checked.
    """

    def __init__(self, code: Code, message: str, hint: Hint = "", field: str = "", shape: Shape | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field
        self.shape = shape


class Kept(NamedTuple):
    """What an op keeps from forward to backward, beside its parameters, of one image.

    `inputs` are positions among its inputs, `output` its own value; `scalars` are further numbers in the network's
    dtype, `masked` those of a dropout's mask, `indices` those of a max pool.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    scalars: int = 0
    masked: int = 0
    indices: int = 0


class Op(ABC):
    """A primitive operation.  Subclasses are frozen dataclasses of plain values, and final."""

    frozen: ClassVar[bool] = False  # a field where an op's parameters can be frozen
    in_place: ClassVar[bool] = False  # whether an inference can write its result over its input
    is_view: ClassVar[bool] = False  # whether its result is its input's own memory, seen otherwise

    @abstractmethod
    def shape(self, inputs: Shapes) -> Shape:
        """The output shape.  Raises OpError."""

    @abstractmethod
    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        """The output's receptive field; `shapes` are those of the inputs.  Raises OpError."""

    def params(self, inputs: Shapes) -> int:
        """Parameters, frozen ones included, in scalars."""
        return 0

    def buffers(self, inputs: Shapes) -> int:
        """Stored values that are not parameters (running statistics), in scalars."""
        return 0

    def is_shareable(self, made_for: Shapes, inputs: Shapes) -> bool:
        """Whether a layer that was made for some inputs also runs on others: its weights and buffers are as many."""
        return (self.params(made_for), self.buffers(made_for)) == (self.params(inputs), self.buffers(inputs))

    def macs(self, inputs: Shapes) -> int:
        """Multiply-accumulates of convs and linear layers for one image."""
        return 0

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        """What torch's autograd keeps where the result needs a gradient; `needs` says which inputs do.

        By default the first input, from which the gradient of most ops is computed."""
        return Kept((0,))

    @abstractmethod
    def describe(self) -> str:
        """A few words for a table: what it is, and what differs from the plain form."""


class Pointwise(Op):
    """An op that works on each unit alone: shape and field stay as they are."""

    def shape(self, inputs: Shapes) -> Shape:
        return inputs[0]

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        return inputs[0]


def a_map(inputs: Shapes) -> Shape:
    """The single input of a layer over a map.  Raises OpError AB303 for a vector."""
    (x,) = inputs
    if x.flat:
        hint = "move it before flatten, or use linear"
        raise OpError(NEEDS_MAP, f"needs a map of channels, height and width, gets a vector of {x.c}", hint)
    return x


def by(pair: tuple[object, object]) -> str:
    """3 or 3x1: a size in a table."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"
