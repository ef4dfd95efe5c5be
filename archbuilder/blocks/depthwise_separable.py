"""depthwise_separable: a depthwise convolution, then a 1x1 convolution."""

from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Convolution, OrderField
from archbuilder.blocks.pointwise import Pointwise
from archbuilder.ir.builder import GraphBuilder
from archbuilder.schema.fields import Positive


@register
class DepthwiseSeparable(Convolution):
    """A depthwise convolution, then a pointwise one, each with its norm, activation and dropout.

    kernel, stride, dilation and padding apply to the depthwise conv. `depthwise_order` sets its steps:
    with `conv` it has no norm and activation, and the only norm is that after the pointwise conv.
    """

    POSITIONAL: ClassVar[str] = "out"
    EXAMPLE: ClassVar[str] = "depthwise_separable: {out: 32, multiplier: 2}"
    SAMPLES: ClassVar[dict[str, tuple[str, str]]] = {"out": ("32", "the number of output channels")}
    REJECTS: ClassVar[dict[str, str]] = {
        "depthwise_separable": "AB102",
        "depthwise_separable: {out: 32, groups: 4}": "AB101",
        "depthwise_separable: {out: 32, depthwise_order: norm-act}": "AB103",
    }

    out: Annotated[Positive, Field(description="output channels")]
    multiplier: Annotated[Positive, Field(description="channels between the two convs, per input channel")] = 1
    depthwise_order: Annotated[
        OrderField | None,
        Field(description="steps of the depthwise conv, by default those of `order`; `conv`: the conv alone"),
    ] = None

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.KIND):
            channels = g.channels
            with g.scope("depthwise"):
                self._depthwise().lower_conv(g, channels * self.multiplier, channels)
            with g.scope("pointwise"):
                self._pointwise.lower_conv(g, self.out)

    def _depthwise(self) -> Convolution:
        """The depthwise half as a conv block."""
        if self.depthwise_order is None:
            return self
        return self.model_copy(update={"order": self.depthwise_order, "bias": self._depthwise_bias()})

    def _depthwise_bias(self) -> bool | Literal["auto"]:
        """With `auto` there is also no bias if only the pointwise conv is between this conv and a norm, which cancels
        it."""
        first, second = self.depthwise_order or self.order, self.order
        at = second.index("conv")
        bent = "act" in (*first[first.index("conv") :], *second[:at])
        return False if self.bias == "auto" and not bent and not self._bias(second[at:]) else self.bias

    @cached_property  # a search and a repeat lower the same block many times
    def _pointwise(self) -> Pointwise:
        return Pointwise.model_construct(
            out=self.out,
            bias=self.bias,
            norm=self.norm,
            activation=self.activation,
            dropout=self.dropout,
            order=self.order,
            frozen=self.frozen,
        )
