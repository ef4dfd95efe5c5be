"""Judges candidates on the parsed tree: parts that do not change between candidates are read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.document.nodes import Node
from archbuilder.document.overrides import words_of
from archbuilder.ir.builder import Parts
from archbuilder.pipeline import Report, stages
from archbuilder.rules.limits import QUANTITIES, Measured
from archbuilder.schema.env import Known
from archbuilder.spec import architecture
from archbuilder.spec.space import Grown, Pick, Space
from archbuilder.spec.train import Train

NO_SPACE = declare(
    "AB860",
    "a search without a space",
    why="The file must say which fields may be changed, and to which values.",
    bad="$ archbuilder search net.yaml --dry-run",
    good="$ archbuilder search net.yaml --dry-run --set 'space={train.seed: [0, 1]}'",
)


@dataclass(frozen=True)
class Verdict:
    """The judgement of a candidate without building it.

    `excluded` are the findings that keep it from being trained; `missed` the limits among them, with the relative
    amount by which each is missed. Without `facts` it is not a valid network.
    """

    picks: tuple[Pick, ...]
    facts: Facts | None
    excluded: tuple[Diagnostic, ...]
    limits: tuple[Measured, ...] = ()
    epochs: int = 0  # of its recipe

    @property
    def ok(self) -> bool:
        return not self.excluded

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is excluded, in words that are the same for many candidates."""
        missed = [f"{measured.limit.name} {measured.limit.text}" for measured in self.limits if not measured.ok]
        others = (d for d in self.excluded if d.code.id != "AB503")
        return tuple(dict.fromkeys([*missed, *(f"{d.code.id} {d.code.title}" for d in others)]))

    @property
    def distance(self) -> float:
        """Its distance from being valid: the sum of the relative amounts by which its limits are missed."""
        lacks = [-(m.left or 0) / max(m.limit.bound, 1) if m.left is not None else 1.0 for m in self.limits if not m.ok]
        others = len(self.reasons) - len(lacks)
        return sum(max(lack, 1e-9) for lack in lacks) + others

    def value(self, quantity: str) -> int:
        """A quantity that can be limited; 0 if it is not known."""
        return (QUANTITIES[quantity].value(self.facts, "float32") or 0) if self.facts else 0


class Judge:
    """Judges the candidates of one checked file."""

    def __init__(self, report: Report, space: Space, rules: Sequence[str] = ()) -> None:
        assert report.document is not None
        self.document, self.space, self.rules = report.document, space, tuple(rules)
        root = report.document.root
        variables = root.get("vars")
        names = {*(variables.value if variables and variables.is_mapping else ())}
        names |= {choice.path[len("vars.") :] for choice in space.choices if choice.path.startswith("vars.")}
        define = root.get("define") or Node(None, root.span)
        for definition in define.value.values() if define.is_mapping else ():
            parameters = definition.get("params")
            names |= {*(parameters.value if parameters and parameters.is_mapping else ())}
        defaults = root.get("defaults") or Node(None, root.span)
        everywhere = names & (words_of(define) | words_of(defaults))  # variables on which any block may depend
        is_fixed = {"defaults", "define"}.isdisjoint(choice.steps[0] for choice in space.choices)
        self._known = Known(lambda node: frozenset(everywhere | (names & words_of(node)))) if is_fixed else None
        self._grown: Grown = {}
        self._parts = Parts() if is_fixed else None  # otherwise all blocks are read anew, and no part is met again
        self._has_ignores = any("ignore" in text for text in report.document.sources.values())

    @property
    def place(self) -> Span:
        """The place of the space, or its file if it has no place."""
        root = self.document.root
        return root.place("space") if root.get("space") else Span(self.document.name)

    def tree(self, picks: Sequence[Pick]) -> Node:
        """A candidate's tree."""
        if len(self._grown) > Known.MOST:
            self._grown.clear()
        return self.space.candidate(self.document.root, picks, self._grown)

    def __call__(self, picks: Sequence[Pick]) -> Verdict:
        document = replace(self.document, root=self.tree(picks))
        found: list[Diagnostic] = []
        spec = architecture.read(document, found, self._known)
        facts: Facts | None = None
        limits: tuple[Measured, ...] = ()
        if spec is not None:
            if self._parts is not None:
                self._parts.begin()
            report = stages(document, spec, self.rules, found, self._parts)
            facts, limits = report.facts, report.limits
        if self._has_ignores:
            from archbuilder.document.ignores import settle

            found, _ = settle(found, document.sources, document.name, complete=False)
        errors = tuple(d for d in dict.fromkeys(found) if d.severity == "error")
        epochs = (spec.train or Train()).epochs if spec else 0
        return Verdict(tuple(picks), facts, errors, limits, epochs)


def opened(report: Report, rules: Sequence[str] = ()) -> Judge:
    """The judge of a file's own space.  Raises ArchbuilderError with what stops its check, AB860 without a space."""
    if stops := [d for d in report.errors if d.code.stops]:
        raise ArchbuilderError(*stops)
    assert report.spec is not None
    if report.spec.space is None:
        hint = "add for example space: {vars.width: [16, 24, 32]}, or give choices with archbuilder sweep --vary"
        raise ArchbuilderError(NO_SPACE.at(report.spec.span(), "the file has no space: section", hint))
    return Judge(report, report.spec.space, rules)
