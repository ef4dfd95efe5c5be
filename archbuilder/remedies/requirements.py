"""The numeric requirements of a network: its limits, and the bounds of its rule packs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archbuilder.analysis.facts import Facts
from archbuilder.pipeline import Report
from archbuilder.rules.limits import value_of
from archbuilder.spec.limits import Limit

BOUNDS = frozenset({"AB503", "AB514"})  # errors with a number: a missed limit, or a bound of a rule pack


@dataclass(frozen=True)
class Totals:
    """The totals shown with a proposal: parameters in scalars, MACs for one image, field in pixels as (height, width).

    The field is None if it is not known."""

    params: int
    macs: int
    receptive_field: tuple[int, int] | None


@dataclass(frozen=True)
class Goals:
    """The bounds that can be measured. Each other rule counts as one error."""

    limits: tuple[Limit, ...]

    @classmethod
    def of(cls, report: Report) -> Goals:
        """The requirements of a network that can be analysed."""
        ignored = {d.span for d in report.ignored if d.code.id in BOUNDS}
        asked = [m.limit for m in report.limits if m.limit.span not in ignored]
        found = {(limit.name, limit.relation, limit.bound, limit.dtype): limit for limit in asked}
        for verdict in report.rules:
            if limit := verdict.bound:
                found.setdefault((limit.name, limit.relation, limit.bound, limit.dtype), limit)
        return cls(tuple(found.values()))

    def values(self, facts: Facts) -> tuple[int, ...]:
        """The values for the limits; 0 for unknown ones, for which there is an error anyway."""
        return tuple(value_of(limit, facts) or 0 for limit in self.limits)

    def needs(self, values: Sequence[int]) -> frozenset[tuple[str, int]]:
        """The quantities that miss their bounds, with +1 if they must grow and -1 if they must shrink."""
        missed = zip(self.limits, values, strict=True)
        return frozenset(
            (limit.name, -1 if "<" in limit.relation or value > limit.bound else 1)
            for limit, value in missed
            if not limit.holds(value)
        )

    def distance(self, values: Sequence[float]) -> float:
        """By how much the bounds are missed: the sum of the relative differences; 0 if all hold."""
        return sum(_miss(limit, value) for limit, value in zip(self.limits, values, strict=True))


def _miss(limit: Limit, value: float) -> float:
    number = round(value)
    return 0.0 if limit.holds(number) else max(-limit.left(number), 1) / max(limit.bound, 1)


def totals(report: Report) -> Totals | None:
    """The totals of a network, None if it cannot be analysed."""
    facts = report.facts
    if facts is None:
        return None
    return Totals(facts.params, facts.macs, facts.field.size if facts.field.status != "unknown" else None)
