"""convs: the number of convolutions in a stage, and the kind of the last one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from archbuilder.diagnostics import did_you_mean, show
from archbuilder.ir.graph import block_path
from archbuilder.ir.ops import Conv2d
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network, Unit, widened
from archbuilder.rules.packs.rule import STRUCTURE, Demand, Evidence, Miss, Outcome, Rule, are_required
from archbuilder.rules.packs.stages import GROUP, Stage, in_order
from archbuilder.schema.fields import Check, Names, Positive, Variables, failure, reads

End = Literal["strided", "dilated"]
ENDS: tuple[End, ...] = ("strided", "dilated")


@reads(anyOf=[{"enum": list(ENDS)}, {"type": "array", "items": {"enum": list(ENDS)}}])
def _ends(value: Any, variables: Variables) -> tuple[str, ...]:
    ends = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for end in ends:
        if end not in ENDS:
            raise failure(f"there is no kind of convolution {show(end)}", did_you_mean(str(end), ENDS, is_value=True))
    return ends


@register
class Convs(Rule):
    """Each of these stages must have at least this many convolutions, and end in one of a certain kind.

    A depthwise conv and the 1x1 conv after it count as one; convs of a shortcut or a gate do not count. `strided` means
    a stride over 1, `dilated` a dilation over 1 along an axis on which the kernel is over 1. Stages are found as in the
    rule `stages`.
    """

    EXAMPLE: ClassVar[str] = "convs: {stages: [C1, C2, C3], at_least: 3, last: [strided, dilated]}"
    REJECTS: ClassVar[dict[str, str]] = {
        "convs: {at_least: 3}": "AB102",
        "convs: {stages: C1, at_least: 0}": "AB103",
        "convs: {stages: C1, last: [pooled]}": "AB103",
    }

    stages: Annotated[Names, Field(min_length=1, description="the stages in order, from the first of the network")]
    at_least: Annotated[Positive, Field(description="the smallest number of convolutions in each")] = 1
    last: Annotated[
        tuple[End, ...],
        Check(_ends),
        Field(description="the last conv of each stage: strided, dilated, or a list of both (either is accepted)"),
    ] = ()

    @property
    def convs(self) -> int:
        """The number of convs required in total."""
        return len(self.stages) * self.at_least

    def demands(self) -> Iterator[Demand]:
        yield Demand(frozenset({"conv"}), self.convs)
        if self.last:
            yield Demand(frozenset(self.last), len(self.stages))

    @staticmethod
    def ends(units: Sequence[Unit]) -> bool:
        """Whether the last conv is strided or dilated."""
        return bool(units) and any(_is(units[-1], end) for end in ENDS)

    def judge(self, net: Network) -> Outcome:
        found = in_order(net.stages, self.stages)[: len(self.stages)]
        misses = []
        if absent := self.stages[len(found) :]:
            message = f"there is no stage {' and no '.join(absent)}"
            misses.append(Miss(STRUCTURE, message, GROUP, net.place))
        by, counts = [], []
        for stage in found:
            units = net.units(stage.nodes)
            misses += self._judge(stage, units)
            counts.append(str(len(units)))
            by += [units[-1][0]] if units else []
        return Outcome(Evidence.of(*by), f"the last of {', '.join(counts)} convs", tuple(misses))

    def _judge(self, stage: Stage, units: list[Unit]) -> Iterator[Miss]:
        if len(units) < self.at_least:
            has = f"{stage.name} has {len(units)} conv{'s' * (len(units) != 1)}"
            message = f"{has}, but at least {self.at_least} {are_required(self.at_least)}"
            hint = "add a conv; a depthwise separable pair counts as one, convs of a shortcut do not count"
            yield Miss(STRUCTURE, message, hint, stage.span)
        if units and self.last and not any(_is(units[-1], end) for end in self.last):
            wanted = " or ".join(self.last)
            message = f"{stage.name} ends in {block_path(units[-1][0])}, which is not {wanted}"
            hint = (
                "make it `strided`, or `dilated` instead of downsampling"
                if len(self.last) == 2
                else f"make it {wanted}"
            )
            yield Miss(STRUCTURE, message, hint, units[-1][0].span)


def _is(unit: Unit, end: End) -> bool:
    """Whether one of the convs of a unit is of this kind."""
    ops = [node.op for node in unit if isinstance(node.op, Conv2d)]
    return any(max(op.stride) > 1 if end == "strided" else widened(op) for op in ops)
