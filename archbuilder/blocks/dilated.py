"""dilated: a convolution with gaps between its taps."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Conv
from archbuilder.schema.fields import Check, size

_OVER_ONE = Check(size(1, lambda value: max(value) > 1, "use conv for dilation 1", **{"not": {"enum": [1, [1, 1]]}}))


@register
class Dilated(Conv):
    """A dilated (atrous) convolution: a larger receptive field for the same parameters."""

    EXAMPLE: ClassVar[str] = "- conv: 32\n- dilated: {out: 32, dilation: 2}"
    REJECTS: ClassVar[dict[str, str]] = {"dilated: {out: 32, dilation: 1}": "AB103"}

    dilation: Annotated[
        tuple[int, int], _OVER_ONE, Field(description="distance between taps in pixels, over 1 on at least one axis")
    ] = (
        2,
        2,
    )
