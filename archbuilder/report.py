"""The result of a check of one source: `archbuilder.check` returns it, and all output is made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import MAX_PROBLEMS, ArchbuilderError, Diagnostic, Span, more
from archbuilder.document.nodes import Document, Node
from archbuilder.ir.graph import Graph
from archbuilder.rules.limits import MISSED, Measured
from archbuilder.sources import Opened
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.limits import Limit

if TYPE_CHECKING:
    from archbuilder.rules.goals import Standing
    from archbuilder.rules.packs import Verdict  # imported only if there is a rule pack


@dataclass(frozen=True, repr=False)
class Report:
    """The facts about one source. `graph` and `facts` are None if it cannot be analysed."""

    file: str
    document: Document | None = None
    spec: Architecture | None = None
    graph: Graph | None = None
    facts: Facts | None = None
    limits: tuple[Measured, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    misfits: tuple[Diagnostic, ...] = ()  # those of `diagnostics` about a recipe that does not fit the network
    rules: tuple[Verdict, ...] = ()
    ignored: tuple[Diagnostic, ...] = ()  # findings that the user ignores; they are not in `diagnostics`
    cut: tuple[Diagnostic, ...] = ()  # warnings beyond MAX_PROBLEMS; `diagnostics` has only their number
    doubled: tuple[Diagnostic, ...] = ()  # findings of rules that repeat a missed limit of the file
    opened: Opened | None = None  # the source of the report, None if it could not be opened
    goals: tuple[Standing, ...] = ()  # of the file and its rule packs; for a run, compared with its log

    @classmethod
    def unread(cls, opened: Opened, error: ArchbuilderError) -> Report:
        """The report on a text that cannot be parsed: only the text and the error."""
        nothing = Node(None, Span(opened.file, 1, 1, 1, 1))
        document = Document(opened.file, opened.text, nothing, sources={opened.file: opened.text})
        return cls(opened.file, document, diagnostics=error.diagnostics)

    def holding(self, found: Sequence[Diagnostic]) -> Report:
        """The report with these findings: all errors, at most MAX_PROBLEMS warnings, and a note if there are more.

        If a bound of a rule is also a missed limit of the file, it is reported only once."""
        missed = {(d.code.id, d.span) for d in found}
        doubled = tuple(d for d, limit in self._doubles() if d in found and (MISSED.id, limit.span) in missed)
        kept = replace(self, doubled=doubled)
        return kept._cut([d for d in found if d not in doubled])

    def _doubles(self) -> Iterator[tuple[Diagnostic, Limit]]:
        """The findings of rules that repeat a limit of the file, each with that limit."""
        for verdict in self.rules:
            for measured in self.limits if verdict.bound else ():
                if verdict.bound and measured.limit.same_as(verdict.bound):
                    yield from ((finding, measured.limit) for finding in verdict.findings)

    def _cut(self, found: Sequence[Diagnostic]) -> Report:
        warnings = [d for d in found if d.severity == "warning"]
        if len(warnings) <= MAX_PROBLEMS:
            return replace(self, diagnostics=tuple(found), cut=())
        cut = tuple(warnings[MAX_PROBLEMS:])
        rest = set(cut)
        shown = (d for d in found if d not in rest)
        return replace(self, diagnostics=(*shown, more(cut[0].span, len(cut))), cut=cut)

    def heeding_no_comment(self) -> Report:
        """The report without the effect of ignore comments; findings about these comments are omitted."""
        if not self.document or not any("ignore" in text for text in self.document.sources.values()):
            return self
        from archbuilder.document.ignores import REMARKS

        found = [d for d in (*self.all_found, *self.ignored) if d.code not in REMARKS]
        return replace(self, ignored=()).holding(self.ordered(found))

    @property
    def all_found(self) -> tuple[Diagnostic, ...]:
        """`found` and the repeated findings, which are needed when the first one is ignored."""
        return tuple(self.ordered((*self.found, *self.doubled))) if self.doubled else self.found

    @property
    def found(self) -> tuple[Diagnostic, ...]:
        """All findings that are not ignored, in order: `diagnostics` and the omitted warnings."""
        if not self.cut:
            return self.diagnostics
        return tuple(self.ordered((*self.diagnostics[:-1], *self.cut)))

    def ordered(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Findings sorted by place; those in other files (a base, a rule pack) come last."""
        return sorted(found, key=lambda d: (d.span.file != self.file, d.span.line, d.span.column, d.code.id))

    @property
    def ok(self) -> bool:
        """No error; warnings do not count."""
        return not self.errors

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "error")

    @property
    def name(self) -> str:
        return self.spec.name if self.spec else Path(self.file).stem

    @property
    def run(self) -> Path | None:
        """The folder of the run, None if this is not the report on a run."""
        return self.opened.run if self.opened else None

    @property
    def place(self) -> str:
        """The checked path: the folder of a run, else the file."""
        return str(self.run or self.file)

    def source_of(self, diagnostic: Diagnostic) -> str:
        """The text of the file that a diagnostic points into, empty for a place outside of files (an override)."""
        return self.document.sources.get(diagnostic.span.file, "") if self.document else ""

    def __repr__(self) -> str:
        errors = len(self.errors)
        counts = ((errors, "error"), (len(self.found) - errors, "warning"))
        found = [f"{n:,} {word}{'s' * (n != 1)}" for n, word in counts if n] or ["ok"]
        return f"<Report {self.name!r}: {', '.join([*found, *([self.facts.words] if self.facts else [])])}>"

    def _repr_html_(self) -> str:
        from archbuilder.reporting.html import render

        return render(self)
