"""Rule packs: what a task asks of a network, as data, held against a network rule by rule.

A pack is YAML that names rules; the rules are small predicates on the graph, its facts, the stages and the `data:`
section, one file each in `kinds/`.  Nothing here is imported where no pack is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.document import Document
from archbuilder.ir.graph import Graph
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.pack import Pack, load
from archbuilder.rules.packs.rule import Evidence, Outcome, Rule
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.limits import Limit
from archbuilder.spec.rules import PackName

COMMAND_LINE = "--rules "  # stands before the name of a pack where there is no place in a file


@dataclass(frozen=True)
class Verdict:
    """One rule of a pack: satisfied by what, or what is missing, each such thing with its finding."""

    pack: str
    rule: str
    by: tuple[Evidence, ...]
    message: str
    findings: tuple[Diagnostic, ...]
    bound: Limit | None = None  # of a rule that is one

    @property
    def ok(self) -> bool:
        return not self.findings


def asked_for(spec: Architecture, more: Iterable[str]) -> list[PackName]:
    """The packs that a file names, and those that the command line adds, each once."""
    extra = (PackName(text, Span(f"{COMMAND_LINE}{text}")) for text in more)
    return list({name.text: name for name in [*extra, *spec.rules]}.values())


def read_packs(names: Iterable[PackName], document: Document, diagnostics: list[Diagnostic]) -> list[tuple[Pack, Span]]:
    """The packs that can be read, each with the place where it was asked for; problems are reported."""
    asking = replace(document, read=replace(document.read))  # asked again, the document counts its packs anew
    packs = ((load(name, asking, diagnostics), name.span) for name in names)
    return [(pack, span) for pack, span in packs if pack is not None]


def judge(
    packs: Iterable[tuple[Pack, Span]], spec: Architecture, graph: Graph, facts: Facts, diagnostics: list[Diagnostic]
) -> tuple[Verdict, ...]:
    """Every rule of the packs held against a network that lowered cleanly; each thing that is missing is reported."""
    net = Network(spec, graph, facts)
    verdicts = []
    for pack, span in packs:
        place = net.place if span.file.startswith(COMMAND_LINE) else span
        for rule in pack.rules:
            verdict = _verdict(pack, rule, rule.judge(net), place)
            diagnostics += verdict.findings
            verdicts.append(verdict)
    return tuple(verdicts)


def _verdict(pack: Pack, rule: Rule, outcome: Outcome, place: Span) -> Verdict:
    message = "; ".join(miss.message for miss in outcome.misses) or outcome.says
    return Verdict(
        pack.name, rule.title, outcome.by, message, tuple(_diagnostics(pack, rule, outcome, place)), rule.limit
    )


def _diagnostics(pack: Pack, rule: Rule, outcome: Outcome, place: Span) -> Iterator[Diagnostic]:
    for miss in outcome.misses:
        yield miss.code.at(miss.span or place, f"{pack.name}, {rule.title}: {miss.message}", rule.remedy or miss.hint)
