"""strided: a convolution that shrinks the map."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Conv
from archbuilder.schema.fields import Check, size

_OVER_ONE = Check(size(1, lambda value: max(value) > 1, "use conv for stride 1", **{"not": {"enum": [1, [1, 1]]}}))


@register
class Strided(Conv):
    """A convolution that halves the map (or more) instead of a pooling layer."""

    EXAMPLE: ClassVar[str] = "strided: {out: 32}"
    REJECTS: ClassVar[dict[str, str]] = {"strided: {out: 32, stride: 1}": "AB103"}

    stride: Annotated[tuple[int, int], _OVER_ONE, Field(description="step in pixels, over 1 on at least one axis")] = (
        2,
        2,
    )
