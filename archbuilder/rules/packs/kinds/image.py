"""image: the input and the number of classes."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.analysis.memory import BYTES
from archbuilder.remedy import Change, Write, written
from archbuilder.rules.limits import ARENA, ARENA_TOTAL, dtype_of
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import IMAGE, Evidence, Miss, Outcome, Rule, are_required
from archbuilder.schema.fields import Check, Positive, Variables, expected, integer, reads
from archbuilder.spec.limits import Limit

_extent = integer(1)


@reads(type="array", items=_extent.form, minItems=3, maxItems=3)
def _shape(value: Any, variables: Variables) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise expected("[channels, height, width]", value, Write("[3, 32, 32]", say="write input: {}", guess=True))
    return tuple(_extent(v, variables) for v in value)


def bytes_of(shape: tuple[int, ...] | None, of: Limit) -> int:
    """How many bytes of a total an image of this shape needs; 0 if it needs none, or if the shape is free."""
    return prod(shape) * BYTES[dtype_of(of)] if shape and of.name in (ARENA, ARENA_TOTAL, "peak_activations") else 0


@register
class Image(Rule):
    """The input and the number of classes that the network must have; a field that is not given is free."""

    EXAMPLE: ClassVar[str] = "image: {input: [3, 32, 32], classes: 10}"
    REJECTS: ClassVar[dict[str, str]] = {"image: {input: 32}": "AB103", "image: {classes: 0}": "AB103"}

    input: Annotated[tuple[int, int, int] | None, Check(_shape), Field(description="channels, height, width")] = None
    classes: Annotated[Positive | None, Field(description="number of classes")] = None

    def excludes(self, other: Rule) -> str:
        if not isinstance(other, Image):
            return ""
        pairs = [(self.input, other.input), (self.classes, other.classes)]
        return next((f"{mine} and {theirs}" for mine, theirs in pairs if mine and theirs and mine != theirs), "")

    def least(self, of: Limit) -> int:
        return bytes_of(self.input, of)

    def judge(self, net: Network) -> Outcome:
        spec = net.spec
        by = tuple(Evidence(name, spec.span(name).line) for name in ("input", "classes") if getattr(self, name))
        return Outcome(by, f"{list(spec.input)} to {spec.classes}", tuple(self._misses(net)))

    def _misses(self, net: Network) -> Iterator[Miss]:
        spec = net.spec
        if self.input is not None and spec.input != self.input:
            wanted = list(self.input)
            message = f"the input is {list(spec.input)}, but {wanted} is required"
            yield Miss(IMAGE, message, Change({"input": written(wanted)}, at=(), say="{}"), spec.span("input"))
        if self.classes is not None and spec.classes != self.classes:
            count = spec.classes
            shown = "no number of classes" if count is None else f"{count} class{'es' * (count != 1)}"
            message = f"{shown}, but {self.classes} {are_required(self.classes)}"
            yield Miss(IMAGE, message, Change({"classes": str(self.classes)}, at=(), say="{}"), spec.span("classes"))
