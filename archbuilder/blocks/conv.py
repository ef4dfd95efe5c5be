"""conv: a convolution with its norm, activation and dropout, and the base classes of all conv blocks."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import Block, register
from archbuilder.blocks.activation import Activation
from archbuilder.blocks.dropout import Dropout
from archbuilder.blocks.norm import Norm
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.ops import Conv2d, Pad2d
from archbuilder.schema.fields import Check, Padding, Positive, Size, Variables, expected, reads
from archbuilder.schema.model import Child, Model, one

STEPS = ("conv", "norm", "act", "dropout")
_BESIDE = "|".join(STEPS[1:])


@reads(
    type="string",
    pattern=f"^(({_BESIDE})-){{0,7}}conv(-({_BESIDE})){{0,7}}$",
    examples=["conv-norm-act-dropout", "conv-act-norm", "norm-act-conv", "conv"],
)
def _order(value: Any, variables: Variables) -> tuple[str, ...]:
    """Split an order such as `conv-norm-act` into its steps; it must contain conv exactly once."""
    steps = tuple(value.split("-")) if isinstance(value, str) else tuple(value) if isinstance(value, tuple) else ()
    if steps.count("conv") != 1 or not set(steps) <= set(STEPS) or len(steps) > 8:
        raise expected(
            "an order of steps",
            value,
            f"{', '.join(STEPS)} joined by dashes, with conv exactly once: conv-norm-act-dropout",
        )
    return steps


NormField = Annotated[
    Norm,
    Child(one(Norm), Norm),
    Field(description="batch, group, layer, instance, none, or a mapping as in the block `norm`"),
]
ActivationField = Annotated[
    Activation,
    Child(one(Activation), Activation),
    Field(description="values of the block `activation`; none: no activation"),
]
DropoutField = Annotated[
    Dropout, Child(one(Dropout), Dropout), Field(description="values of the block `dropout`; 0: no dropout")
]
OrderField = Annotated[
    tuple[str, ...],
    Check(_order),
    Field(
        description="the steps in order; a step that is not listed is left out, norm and act may occur several times"
    ),
]
PaddingField = Annotated[
    Padding, Field(description="same, valid, one integer, [height, width] or [top, bottom, left, right]")
]
BiasField = Annotated[bool | Literal["auto"], Field(description="auto: no bias if a norm follows, else bias")]


class ConvDefaults(Model):
    """The fields of the conv family that a file's `defaults:` section sets, with their built-in values."""

    # model_construct: the built-in values need no validation, which saves building their validators
    norm: NormField = Norm.model_construct()
    activation: ActivationField = Activation.model_construct()
    dropout: DropoutField = Dropout.model_construct(p=0.0)
    order: OrderField = STEPS
    padding: PaddingField = "same"
    bias: BiasField = "auto"


class Convolution(ConvDefaults, Block):
    """The fields of every conv block."""

    DEFAULTS: ClassVar[tuple[str, ...]] = tuple(ConvDefaults.model_fields)
    LEFT_OUT: ClassVar[dict[str, str]] = {"in_channels": "a conv takes all channels of the layer before it"}

    kernel: Annotated[Size, Field(description="pixels, one integer or [height, width]")] = (3, 3)
    stride: Annotated[Size, Field(description="step in pixels")] = (1, 1)
    dilation: Annotated[Size, Field(description="distance between taps in pixels")] = (1, 1)
    padding_mode: Annotated[
        Literal["zeros", "reflect", "replicate", "circular"], Field(description="the values of padded pixels")
    ] = "zeros"
    frozen: Annotated[bool, Field(description="do not train the weights of the conv")] = False

    def lower_conv(self, g: GraphBuilder, out: int, groups: int = 1) -> None:
        """Append the steps of `order`, with a conv to `out` channels."""
        for position, step in enumerate(self.order):
            if step == "conv":
                self._conv(g, out, groups, self._bias(self.order[position:]))
            elif step == "norm":
                self.norm.lower(g)
            elif step == "act":
                self.activation.lower(g)
            elif self.dropout.p > 0:
                self.dropout.lower(g)

    def _conv(self, g: GraphBuilder, out: int, groups: int, bias: bool) -> None:
        top, bottom, left, right = self._sides()
        even = top == bottom and left == right
        if not even:
            g.add(Pad2d(top, bottom, left, right, self.padding_mode), "pad")
        padding = (top, left) if even else (0, 0)
        mode = self.padding_mode if even else "zeros"
        g.add(Conv2d(out, self.kernel, self.stride, self.dilation, padding, groups, bias, mode, self.frozen), "conv")

    def _sides(self) -> tuple[int, int, int, int]:
        """Padding as top, bottom, left, right. `same` is d*(k-1) in total, the smaller half first as in torch."""
        if self.padding == "valid":
            return (0, 0, 0, 0)
        if isinstance(self.padding, tuple):
            return self.padding
        height, width = (d * (k - 1) for d, k in zip(self.dilation, self.kernel, strict=True))
        return (height // 2, height - height // 2, width // 2, width - width // 2)

    def _bias(self, after: tuple[str, ...]) -> bool:
        if self.bias == "auto":
            return "norm" not in after or self.norm.kind == "none"
        return self.bias


@register
class Conv(Convolution):
    """A convolution, then norm, activation and dropout as `order` says.

    `padding: same` keeps height and width at stride 1; with other strides it pads by the same number of pixels.
    """

    POSITIONAL: ClassVar[str] = "out"
    EXAMPLE: ClassVar[str] = "conv: {out: 32, kernel: [3, 1], activation: gelu}"
    SAMPLES: ClassVar[dict[str, tuple[str, str]]] = {"out": ("32", "the number of output channels")}
    REJECTS: ClassVar[dict[str, str]] = {
        "conv": "AB102",
        "conv: {out: 32, kernal: 3}": "AB101",
        "conv: {out: many}": "AB103",
        "conv: {out: 0}": "AB103",
        "conv: {out: 32, groups: 5}": "AB301",
        "conv: {out: 32, kernel: 99, padding: valid}": "AB302",
        "conv: {out: 32, order: norm-act}": "AB103",
        "conv: {out: 32, padding: some}": "AB103",
        "conv: {out: 32, padding: 16, padding_mode: reflect}": "AB310",
    }

    out: Annotated[Positive, Field(description="output channels")]
    groups: Annotated[Positive, Field(description="groups of channels that do not mix")] = 1

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.KIND):
            self.lower_conv(g, self.out, self.groups)
