"""pointwise: a 1x1 convolution."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Conv
from archbuilder.schema.fields import Check, size

_ONE = Check(size(1, lambda value: value == (1, 1), "use conv for another kernel", maximum=1))


@register
class Pointwise(Conv):
    """A 1x1 convolution: mixes the channels of each pixel, without its neighbours."""

    EXAMPLE: ClassVar[str] = "pointwise: {out: 32}"
    REJECTS: ClassVar[dict[str, str]] = {"pointwise: {out: 32, kernel: 3}": "AB103"}

    kernel: Annotated[tuple[int, int], _ONE, Field(description="always 1")] = (1, 1)
