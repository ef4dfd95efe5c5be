"""The contract of an op: every rule about it, stated once, beside its docstring.

An op knows nothing about YAML, names or places. If its operands are wrong it raises an OpError with the values and a
remedy; the GraphBuilder adds the place.
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
    """Operands that an op cannot process.

    `field` is the field of the block that the diagnostic points at; `shape` is a sensible output shape, if there is
    one, with which the following layers can still be checked.
    """

    def __init__(self, code: Code, message: str, hint: Hint = "", field: str = "", shape: Shape | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field
        self.shape = shape


class Kept(NamedTuple):
    """The values that an op saves from the forward for the backward pass, for one image, besides its parameters.

    `inputs` are the positions of the inputs that it saves, `output` whether it saves its output; `scalars` are further
    numbers in the dtype of the network, `masked` the elements of a dropout's mask, `indices` those of a max pool.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    scalars: int = 0
    masked: int = 0
    indices: int = 0


class Op(ABC):
    """A primitive operation.  Subclasses are frozen dataclasses of plain values, and final.

    The ops of the package inherit equality, hash and text (`eq=False, repr=False`): generated for each of them, as a
    dataclass does, they took 2.5 % of the time of `archbuilder check`.
    """

    frozen: ClassVar[bool] = False  # a dataclass field in ops whose parameters can be frozen
    in_place: ClassVar[bool] = False  # whether inference can overwrite its input with its output
    is_view: ClassVar[bool] = False  # whether its output is a view of its input's memory

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

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
        """Whether a layer made for the shapes `made_for` also runs on `inputs`: it has the same parameters and
        buffers."""
        return (self.params(made_for), self.buffers(made_for)) == (self.params(inputs), self.buffers(inputs))

    def macs(self, inputs: Shapes) -> int:
        """Multiply-accumulates of convs and linear layers for one image."""
        return 0

    def kept(self, inputs: Shapes, needs: tuple[bool, ...]) -> Kept:
        """The values that torch's autograd saves if the output needs a gradient; `needs` says which inputs need one.

        By default the first input, from which most ops compute their gradient."""
        return Kept((0,))

    @abstractmethod
    def describe(self) -> str:
        """A few words for a table: the kind of op, and settings that differ from their defaults."""


class Pointwise(Op):
    """An op on each unit alone: shape and receptive field do not change."""

    def shape(self, inputs: Shapes) -> Shape:
        return inputs[0]

    def reach(self, inputs: tuple[Reach, ...], shapes: Shapes) -> Reach:
        return inputs[0]


def a_map(inputs: Shapes) -> Shape:
    """The only input of a layer that needs a map. Raises OpError AB303 for a vector."""
    (x,) = inputs
    if x.flat:
        hint = "move it before flatten, or use linear"
        raise OpError(NEEDS_MAP, f"needs a map of channels, height and width, but gets a vector of {x.c}", hint)
    return x


def by(pair: tuple[object, object]) -> str:
    """3 or 3x1: a size in a table."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"
