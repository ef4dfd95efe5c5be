"""pointwise: a 1x1 convolution."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Conv
from archbuilder.schema.fields import Size, ones


@register
class Pointwise(Conv):
    """A 1x1 convolution: mixes channels, sees nothing of the neighbourhood."""

    EXAMPLE: ClassVar[str] = "pointwise: {out: 32}"
    REJECTS: ClassVar[dict[str, str]] = {"pointwise: {out: 32, kernel: 3}": "AB103"}

    kernel: Annotated[Size, ones("use conv"), Field(description="always 1")] = (1, 1)
