"""What a report says about a network before any training: its layers, limits, rules, field and code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archbuilder import exporters
from archbuilder.analysis.facts import Facts
from archbuilder.exporters.field_plot import draw, measured_field
from archbuilder.modules.torchsummary import torchsummary
from archbuilder.pipeline import Report
from archbuilder.reporting import derivation, text
from archbuilder.reporting.field import field_lines
from archbuilder.reporting.memory import memory_lines
from archbuilder.reporting.rules import evidence


@dataclass(frozen=True)
class Table:
    """Rows under their header; columns whose title is in `words` are text, the others numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Demand:
    """A limit, a rule or a goal, whether it holds, and the value or the layers that show it."""

    source: str
    words: str
    ok: bool
    shown_by: str
    open: str = ""  # why it cannot be decided: not yet, not recorded

    @property
    def holds(self) -> str:
        return "yes" if self.ok else self.open or "MISSED"


@dataclass(frozen=True)
class NetworkPart:
    """Everything read off the YAML alone.

    drawing:   an SVG; field_picture: a PNG, None where the field is unknown.
    code:      the network as one Python file; summary: torchsummary's table.
    """

    drawing: str
    layers: Table
    totals: tuple[str, ...]
    demands: tuple[Demand, ...]
    legend: tuple[str, ...]
    derivation: Table
    field: tuple[str, ...]
    field_picture: bytes | None
    code: str
    summary: str


def network_part(report: Report, facts: Facts) -> NetworkPart:
    """The network's part of the evidence; the effective field is measured for it."""
    graph = facts.graph
    legend, (header, *rows) = derivation.table(facts)
    return NetworkPart(
        drawing=exporters.exporter("svg").export(graph, facts),
        layers=Table(text.HEADER, tuple(text.layer_rows(facts)), frozenset(text.LEFT)),
        totals=(*text.totals(facts), *memory_lines(facts)),
        demands=tuple(demands(report)),
        legend=tuple(legend),
        derivation=Table(header, tuple(rows), frozenset(derivation.LEFT)),
        field=tuple(field_lines(facts)),
        field_picture=_field_picture(facts),
        code=exporters.exporter("python").export(graph, facts),
        summary=torchsummary(graph, facts),
    )


def demands(report: Report) -> Sequence[Demand]:
    """Limits first, then the rules of each pack, then goals."""
    found = []
    for measured in report.limits:
        limit = measured.limit
        found.append(Demand("limit", f"{limit.name} {limit.text}", measured.ok, measured.words))
    for verdict in report.rules:
        found.append(Demand(verdict.pack, verdict.rule, verdict.ok, evidence(verdict)))
    for goal in report.goals:
        unknown = "" if goal.state in ("met", "missed") else goal.state
        found.append(Demand(goal.pack or "goal", goal.goal.words, goal.ok, goal.words, unknown))
    return found


def _field_picture(facts: Facts) -> bytes | None:
    if facts.field.status == "unknown":
        return None
    return draw(facts, f"{facts.graph.name}: receptive field", measured_field(facts))
