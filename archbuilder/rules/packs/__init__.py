"""Rule packs: what a task asks of a network, as data, held against a network rule by rule.

A pack is YAML that names rules; the rules are small predicates on the graph, its facts, the stages and the `data:`
section, one file each in `kinds/`.  Nothing here is imported where no pack is asked for.
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
    """The packs that the command line adds, and those that a file names."""
    return [*_named(more), *spec.rules]


def _named(options: Iterable[str]) -> Iterator[PackName]:
    return (PackName(text, Span(f"{COMMAND_LINE}{text}")) for text in options)


def read_packs(names: Iterable[PackName], document: Document, diagnostics: list[Diagnostic]) -> list[tuple[Pack, Span]]:
    """The packs that can be read, each once, with the place where it was asked for; problems are reported."""
    asking = replace(document, read=replace(document.read))  # asked again, the document counts its packs anew
    # one path means two files where an option and a file name it: a file's own pack must not stand in for another
    once = {_identity(name, asking): name for name in names}
    packs = ((load(name, asking, diagnostics), name.span) for name in once.values())
    return [(pack, span) for pack, span in packs if pack is not None]


def _identity(name: PackName, asking: Document) -> str:
    return realpath(asking.path_of(name.span, name.text)) if is_path(name.text) else name.text


def of_options(names: Iterable[str]) -> list[Pack]:
    """The packs that a command names, for whatever files.  Raises ArchbuilderError for those that cannot be used."""
    diagnostics: list[Diagnostic] = []
    nobody = Span("")
    found = read_packs(_named(names), Document("", "", Node({}, nobody)), diagnostics)
    if diagnostics:
        raise ArchbuilderError(*diagnostics)
    return [pack for pack, _ in found]


def judge(
    packs: Iterable[tuple[Pack, Span]], spec: Architecture, graph: Graph, facts: Facts, diagnostics: list[Diagnostic]
) -> tuple[Verdict, ...]:
    """Every rule of the packs held against a network that lowered cleanly; each thing that is missing is reported."""
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
    """Where something that a pack asks for, and that has no place of its own, is missing."""
    return spec.span("network") if asked.file.startswith(COMMAND_LINE) else asked


def goals(spec: Architecture, packs: Iterable[tuple[Pack, Span]]) -> list[Standing]:
    """The goals of the packs, before any training."""
    return [Standing(goal, pack.name, place_in(spec, span)) for pack, span in packs for goal in pack.goals]


def _verdict(pack: Pack, rule: Rule, outcome: Outcome, place: Span) -> Verdict:
    message = "; ".join(miss.message for miss in outcome.misses) or outcome.says
    return Verdict(
        pack.name, rule.title, outcome.by, message, tuple(_diagnostics(pack, rule, outcome, place)), rule.limit
    )


def _diagnostics(pack: Pack, rule: Rule, outcome: Outcome, place: Span) -> Iterator[Diagnostic]:
    for miss in outcome.misses:
        yield miss.code.at(miss.span or place, f"{pack.name}, {rule.title}: {miss.message}", rule.remedy or miss.hint)
