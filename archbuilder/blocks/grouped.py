"""grouped: a convolution whose channels mix only within groups."""

from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.blocks import register
from archbuilder.blocks.conv import Conv
from archbuilder.schema.fields import Check, integer


@register
class Grouped(Conv):
    """A grouped convolution: `groups` times fewer parameters. With as many groups as channels it is `depthwise`."""

    EXAMPLE: ClassVar[str] = "grouped: {out: 32, groups: 4}"
    REJECTS: ClassVar[dict[str, str]] = {
        "grouped: {out: 32}": "AB102",
        "grouped: {out: 32, groups: 1}": "AB103",
        "grouped: {out: 32, groups: 5}": "AB301",
    }

    groups: Annotated[int, Check(integer(2)), Field(description="groups of channels that do not mix")]
