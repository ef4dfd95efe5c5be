"""What a network must satisfy, as numbers: its limits, and those of the rule packs that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archbuilder.analysis.facts import Facts
from archbuilder.pipeline import Report
from archbuilder.rules.limits import value_of
from archbuilder.spec.limits import Limit

BOUNDS = frozenset({"AB503", "AB514"})  # errors that a number tells more about: a limit, a bound of a rule pack


@dataclass(frozen=True)
class Totals:
    """What a proposal does is told by these: scalars, multiplies for one image, pixels as (height, width).

    The field is None where it is not known."""

    params: int
    macs: int
    receptive_field: tuple[int, int] | None


@dataclass(frozen=True)
class Goals:
    """The bounds that can be measured.  Other rules count as errors, each as a whole."""

    limits: tuple[Limit, ...]

    @classmethod
    def of(cls, report: Report) -> Goals:
        """The goals of a network that can be analysed."""
        ignored = {d.span for d in report.ignored if d.code.id in BOUNDS}
        asked = [m.limit for m in report.limits if m.limit.span not in ignored]
        found = {(limit.name, limit.relation, limit.bound, limit.dtype): limit for limit in asked}
        for verdict in report.rules:
            if limit := verdict.bound:
                found.setdefault((limit.name, limit.relation, limit.bound, limit.dtype), limit)
        return cls(tuple(found.values()))

    def values(self, facts: Facts) -> tuple[int, ...]:
        """What the limits are held against; 0 for what is not known, of which there is an error anyway."""
        return tuple(value_of(limit, facts) or 0 for limit in self.limits)

    def needs(self, values: Sequence[int]) -> frozenset[tuple[str, int]]:
        """The quantities that miss their bounds, with +1 where they must grow and -1 where they must shrink."""
        missed = zip(self.limits, values, strict=True)
        return frozenset(
            (limit.name, -1 if "<" in limit.relation or value > limit.bound else 1)
            for limit, value in missed
            if not limit.holds(value)
        )

    def distance(self, values: Sequence[float]) -> float:
        """By how much the bounds are missed: the sum of the parts of each bound; 0 where all hold."""
        return sum(_miss(limit, value) for limit, value in zip(self.limits, values, strict=True))


def _miss(limit: Limit, value: float) -> float:
    number = round(value)
    return 0.0 if limit.holds(number) else max(-limit.left(number), 1) / max(limit.bound, 1)


def totals(report: Report) -> Totals | None:
    """The totals of a network, None where it cannot be analysed."""
    facts = report.facts
    if facts is None:
        return None
    return Totals(facts.params, facts.macs, facts.field.size if facts.field.status != "unknown" else None)
