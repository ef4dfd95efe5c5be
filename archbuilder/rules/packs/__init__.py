"""Rule packs: the requirements of an assignment or a target as data, checked rule by rule.

A pack is a YAML file that lists rules; the kinds of rules are small predicates on the graph, its facts, the stages and
the `data:` section, one file each in `kinds/`. Nothing here is imported unless a pack is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from os.path import realpath

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span
from archbuilder.document.nodes import Document, Node
from archbuilder.ir.graph import Graph
from archbuilder.rules.goals import Standing
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.pack import Pack, is_path, load
from archbuilder.rules.packs.rule import Evidence, Outcome, Rule
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.limits import Limit
from archbuilder.spec.rules import PackName

COMMAND_LINE = "--rules "  # prefix of the pack's name in a place that is not in a file


@dataclass(frozen=True)
class Verdict:
    """The result of one rule of a pack: what satisfies it, or one finding for each thing that is missing."""

    pack: str
    rule: str
    by: tuple[Evidence, ...]
    message: str
    findings: tuple[Diagnostic, ...]
    asked: Rule
    page: str = ""  # where the pack's networks are edited

    @property
    def bound(self) -> Limit | None:
        """Set for a rule that limits a total."""
        return self.asked.limit

    @property
    def ok(self) -> bool:
        return not self.findings


def asked_for(spec: Architecture, more: Iterable[str]) -> list[PackName]:
    """The packs of the command line, then those of the file."""
    return [*_named(more), *spec.rules]


def _named(options: Iterable[str]) -> Iterator[PackName]:
    return (PackName(text, Span(f"{COMMAND_LINE}{text}")) for text in options)


def read_packs(names: Iterable[PackName], document: Document, diagnostics: list[Diagnostic]) -> list[tuple[Pack, Span]]:
    """The packs that can be read, each once, with the place where it is named; problems are reported."""
    asking = replace(document, read=replace(document.read))  # a second call counts the document's packs again from zero
    # the same path may mean two files, in an option and in a file: the pack of one must not replace the other
    once = {_identity(name, asking): name for name in names}
    packs = ((load(name, asking, diagnostics), name.span) for name in once.values())
    return [(pack, span) for pack, span in packs if pack is not None]


def _identity(name: PackName, asking: Document) -> str:
    return realpath(asking.path_of(name.span, name.text)) if is_path(name.text) else name.text


def of_options(names: Iterable[str]) -> list[Pack]:
    """The packs that a command names, for any files. Raises ArchbuilderError if one cannot be used."""
    diagnostics: list[Diagnostic] = []
    nobody = Span("")
    found = read_packs(_named(names), Document("", "", Node({}, nobody)), diagnostics)
    if diagnostics:
        raise ArchbuilderError(*diagnostics)
    return [pack for pack, _ in found]


def judge(
    packs: Iterable[tuple[Pack, Span]], spec: Architecture, graph: Graph, facts: Facts, diagnostics: list[Diagnostic]
) -> tuple[Verdict, ...]:
    """Check every rule of the packs on a network that lowered without errors; each missing thing is reported."""
    net = Network(spec, graph, facts)
    verdicts = []
    for pack, span in packs:
        place = place_in(spec, span)
        for rule in pack.rules:
            verdict = _verdict(pack, rule, rule.judge(net), place)
            diagnostics += verdict.findings
            verdicts.append(verdict)
    return tuple(verdicts)


def place_in(spec: Architecture, asked: Span) -> Span:
    """The place for a finding of a pack that has no place of its own."""
    return spec.span("network") if asked.file.startswith(COMMAND_LINE) else asked


def goals(spec: Architecture, packs: Iterable[tuple[Pack, Span]]) -> list[Standing]:
    """The goals of the packs, before any training."""
    return [Standing(goal, pack.name, place_in(spec, span)) for pack, span in packs for goal in pack.goals]


def _verdict(pack: Pack, rule: Rule, outcome: Outcome, place: Span) -> Verdict:
    message = "; ".join(miss.message for miss in outcome.misses) or outcome.says
    findings = tuple(_diagnostics(pack, rule, outcome, place))
    return Verdict(pack.name, rule.title, outcome.by, message, findings, rule, pack.page)


def _diagnostics(pack: Pack, rule: Rule, outcome: Outcome, place: Span) -> Iterator[Diagnostic]:
    for miss in outcome.misses:
        yield miss.code.at(miss.span or place, f"{pack.name}, {rule.title}: {miss.message}", rule.remedy or miss.hint)
