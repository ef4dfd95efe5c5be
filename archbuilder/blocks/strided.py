"""strided: a convolution that shrinks the map."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Conv
from archbuilder.schema.fields import Size, above_one


@register
class Strided(Conv):
    """A convolution that halves the map (or more) instead of a pooling layer."""

    EXAMPLE: ClassVar[str] = "strided: {out: 32}"
    REJECTS: ClassVar[dict[str, str]] = {"strided: {out: 32, stride: 1}": "AB103"}

    stride: Annotated[Size, above_one("use conv"), Field(description="step in pixels, over 1 on one axis")] = (2, 2)
