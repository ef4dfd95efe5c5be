"""Limits held against the facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, declare, did_you_mean
from archbuilder.spec.limits import Limit

UNKNOWN_LIMIT = declare("AB502", "a limit on something that is not measured")
MISSED = declare("AB503", "a limit that is missed")


def _worse_axis(facts: Facts, limit: Limit) -> int:
    """A limit is held against the axis that is worse for it."""
    return max(facts.field.size) if "<" in limit.relation else min(facts.field.size)


@dataclass(frozen=True)
class Quantity:
    """Something that can be limited: how to read it off the facts, and its unit."""

    value: Callable[[Facts, Limit], int]
    unit: str = ""


QUANTITIES = {
    "params": Quantity(lambda facts, limit: facts.params),
    "trainable_params": Quantity(lambda facts, limit: facts.params - facts.frozen_params),
    "macs": Quantity(lambda facts, limit: facts.macs),
    "receptive_field": Quantity(_worse_axis, "pixels"),
    "layers": Quantity(lambda facts, limit: len(facts.layers)),
}


@dataclass(frozen=True)
class Measured:
    """A limit and the value it was held against."""

    limit: Limit
    value: int

    @property
    def ok(self) -> bool:
        return self.limit.holds(self.value)

    @property
    def left(self) -> int:
        """How much is left of the budget; negative: by how much it is missed."""
        return self.limit.left(self.value)


def measure(limits: Sequence[Limit], facts: Facts | None, diagnostics: list[Diagnostic]) -> tuple[Measured, ...]:
    """Every limit with its value; unknown and missed ones are reported.  Without facts only unknown ones."""
    measured = []
    for limit in limits:
        quantity = QUANTITIES.get(limit.name)
        if quantity is None:
            message = f"there is no limit on {limit.name}"
            diagnostics.append(UNKNOWN_LIMIT.at(limit.span, message, did_you_mean(limit.name, QUANTITIES)))
        elif facts is not None:
            result = Measured(limit, quantity.value(facts, limit))
            measured.append(result)
            if not result.ok:
                diagnostics.append(_missed(result, facts))
    return tuple(measured)


def _missed(measured: Measured, facts: Facts) -> Diagnostic:
    limit = measured.limit
    message = f"{limit.name} is {measured.value:,}, the limit is {limit.text}"
    if limit.name == "receptive_field":
        hint = "dilate or stride a conv early on, or add a conv: each adds (kernel - 1) x dilation x effective stride"
        if "<" in limit.relation:
            hint = "stride later, dilate less, or leave out a conv"
        return MISSED.at(limit.span, message, hint)
    return MISSED.at(limit.span, message, _costliest(limit.name, facts))


def _costliest(name: str, facts: Facts) -> str:
    """The three layers that a missed budget should look at."""
    attribute = "macs" if name == "macs" else "params"
    layers = sorted(facts.layers, key=lambda layer: -getattr(layer, attribute))[:3]
    return "the most cost " + ", ".join(f"{layer.node.name} ({getattr(layer, attribute):,})" for layer in layers)
