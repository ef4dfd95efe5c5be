"""The stages in order: text -> Document -> Spec -> Graph -> Facts -> Verdict.

Every stage reports all the problems it can find; a later one runs as far as the earlier ones allow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder import document, lower
from archbuilder.analysis.facts import Facts, analyse
from archbuilder.diagnostics import MAX_PROBLEMS, ArchbuilderError, Diagnostic, Span, declare
from archbuilder.document import Document
from archbuilder.ir.graph import Graph
from archbuilder.rules.limits import MISSED, Measured, measure
from archbuilder.rules.lints import lint
from archbuilder.sources import Opened, log_of_run, open_source
from archbuilder.spec import architecture
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.limits import Limit

if TYPE_CHECKING:
    from archbuilder.rules.goals import Record, Standing
    from archbuilder.rules.packs import Verdict  # imported where a pack is asked for

Source = str | os.PathLike[str]

NOT_TRAINED = ("goals", "limits", "name", "rules")  # sections that say nothing of what a run is trained to be

BLOCKS = declare(
    "AB716",
    "a run with blocks of its user's own that are not loaded",
    exit_status=2,
    why=(
        "A run notes the files of `--blocks` that it was trained with. To load one runs its code, and a command that "
        "only reads a run does so when you name it."
    ),
    bad="""\
$ sed -i.old 's/conv/twice/' net.yaml
$ archbuilder train net.yaml --no-report --blocks twice.py
$ archbuilder check runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder check runs/net/*""",
)


@dataclass(frozen=True, repr=False)
class Report:
    """What is known of one source.  `graph` and `facts` are None where it cannot be analysed."""

    file: str
    document: Document | None = None
    spec: Architecture | None = None
    graph: Graph | None = None
    facts: Facts | None = None
    limits: tuple[Measured, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    rules: tuple[Verdict, ...] = ()
    ignored: tuple[Diagnostic, ...] = ()  # findings that the user waved away, which are not in `diagnostics`
    cut: tuple[Diagnostic, ...] = ()  # warnings past MAX_PROBLEMS, of which `diagnostics` has the number alone
    doubled: tuple[Diagnostic, ...] = ()  # findings of rules that a missed limit of the file says already
    opened: Opened | None = None  # what it is a report on, None where that could not be opened
    goals: tuple[Standing, ...] = ()  # of the file and of its packs; of a run as its log has them

    def holding(self, found: Sequence[Diagnostic]) -> Report:
        """The report with these findings: all errors, at most MAX_PROBLEMS warnings, and a note if there are more.

        A rule's bound that is a missed limit of the file as well is not said a second time."""
        missed = {(d.code.id, d.span) for d in found}
        doubled = tuple(d for d, limit in self._doubles() if d in found and (MISSED.id, limit.span) in missed)
        kept = replace(self, doubled=doubled)
        return kept._cut([d for d in found if d not in doubled])

    def _doubles(self) -> Iterator[tuple[Diagnostic, Limit]]:
        """The findings of rules that ask for what a limit of the file asks for, each with that limit."""
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
        return replace(self, diagnostics=(*shown, document.more(cut[0].span, len(cut))), cut=cut)

    def heeding_no_comment(self) -> Report:
        """The report as it were without a single comment that ignores something; findings on those are left out."""
        if not self.document or not any("ignore" in text for text in self.document.sources.values()):
            return self
        from archbuilder.ignores import REMARKS

        found = [d for d in (*self.all_found, *self.ignored) if d.code not in REMARKS]
        return replace(self, ignored=()).holding(self.ordered(found))

    @property
    def all_found(self) -> tuple[Diagnostic, ...]:
        """`found`, and what another finding says already: who waves that away shall see the rest."""
        return tuple(self.ordered((*self.found, *self.doubled))) if self.doubled else self.found

    @property
    def found(self) -> tuple[Diagnostic, ...]:
        """All that counts, in order: `diagnostics`, and what is cut from it."""
        if not self.cut:
            return self.diagnostics
        return tuple(self.ordered((*self.diagnostics[:-1], *self.cut)))

    def ordered(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Findings by their places; those in other files (a base, a rule pack) come last."""
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
        """The folder of the run that this is a report on, None where it is on none."""
        return self.opened.run if self.opened else None

    @property
    def place(self) -> str:
        """What was named: the folder of a run, else the file."""
        return str(self.run or self.file)

    def source_of(self, diagnostic: Diagnostic) -> str:
        """The text that a diagnostic's place is in, empty where it is in no file (an override)."""
        return self.document.sources.get(diagnostic.span.file, "") if self.document else ""

    def __repr__(self) -> str:
        errors = len(self.errors)
        counts = ((errors, "error"), (len(self.found) - errors, "warning"))
        found = [f"{n:,} {word}{'s' * (n != 1)}" for n, word in counts if n] or ["ok"]
        return f"<Report {self.name!r}: {', '.join([*found, *([self.facts.words] if self.facts else [])])}>"

    def _repr_html_(self) -> str:
        from archbuilder.reporting.html import render

        return render(self)


def check(source: Source, overrides: Sequence[str] = (), rules: Sequence[str] = ()) -> Report:
    """Everything about a path, `-` (standard input) or the folder of a run, without torch.

    overrides: texts such as `train.epochs=3`, after those of a run.
    rules:     rule packs beside those that the file names.

    The goals of a run are judged by what it has recorded; a missed one is an error.  With an override of anything that
    it was trained with, the report is on another network than the run's, and goals are open as for any file.

    Parameters are counted in scalars, MACs for one image, fields in input pixels.  Problems are in the report, never
    raised.  A string with a line break is still taken for YAML itself: that is for `check_text` now.

        >>> report = archbuilder.check("architectures/c1c2c3c40.yaml")
        >>> report.ok, report.facts.params, report.facts.field.size
        (True, 172910, (69, 69))
    """
    _warn_of_text(source, "check_text")
    return _check(source, overrides, rules, by_log=True)


def judged(report: Report, log: Sequence[Record]) -> Report:
    """The report with its goals held against the log of a run: a record for each epoch, from the first on."""
    if not report.goals or report.spec is None:
        return report
    from archbuilder.rules import goals

    epochs = goals.epochs_of(report.spec)
    return replace(report, goals=tuple(goals.judge(each, log, epochs) for each in report.goals))


def _warn_of_text(source: Source, function: str) -> None:
    if isinstance(source, str) and "\n" in source:
        import warnings

        warnings.warn(f"a YAML text is for archbuilder.{function}", DeprecationWarning, stacklevel=3)


def check_network(source: Source, overrides: Sequence[str] = ()) -> Report:
    """`check` of the network alone, whatever its run has reached: for what is to be trained or built."""
    _warn_of_text(source, "check_text")
    return _check(source, overrides)


def _check(source: Source, overrides: Sequence[str], rules: Sequence[str] = (), by_log: bool = False) -> Report:
    try:
        opened = open_source(source)
    except ArchbuilderError as error:
        return Report(str(source), diagnostics=error.diagnostics)
    return check_opened(opened, overrides, rules, by_log)


def check_text(text: str, file: str = "<string>", overrides: Sequence[str] = (), rules: Sequence[str] = ()) -> Report:
    """`check` of a YAML text; what it extends is found beside the file that it stands for.

    >>> archbuilder.check_text("{archbuilder: 1, input: [3, 8, 8], classes: 2, network: [gap, classifier]}").ok
    True
    """
    return check_opened(Opened(file, text), overrides, rules)


def check_opened(
    opened: Opened, overrides: Sequence[str] = (), rules: Sequence[str] = (), by_log: bool = False
) -> Report:
    """`check` of what has been opened; `by_log` the goals of a run are held against what it has recorded."""
    run = opened.run if by_log and all(text.startswith(NOT_TRAINED) for text in overrides) else None
    report = replace(_checked(opened, [*opened.overrides, *overrides], rules, run), opened=opened)
    if report.facts is None and opened.blocks:
        return replace(report, diagnostics=(*report.diagnostics, *_not_loaded(opened)))
    return report


def _not_loaded(opened: Opened) -> Iterator[Diagnostic]:
    """The blocks without which a run cannot be analysed."""
    import shlex

    from archbuilder.blocks._external import files

    if lacking := [file for file in opened.blocks if Path(file).stem not in files()]:
        message = f"the run was trained with the blocks of {', '.join(lacking)}, which are not loaded"
        hint = f"name them, which runs their code: {' '.join(f'--blocks {shlex.quote(file)}' for file in lacking)}"
        yield BLOCKS.at(Span(str(opened.run)), message, hint)


def _checked(opened: Opened, overrides: Sequence[str], rules: Sequence[str], run: Path | None) -> Report:
    diagnostics: list[Diagnostic] = []
    file = opened.file
    try:
        doc = opened.document(overrides)
    except ArchbuilderError as error:
        broken = Document(file, opened.text, document.Node(None, Span(file, 1, 1, 1, 1)), sources={file: opened.text})
        return Report(file, broken, diagnostics=error.diagnostics)
    diagnostics += doc.diagnostics
    if doc.root.get("archbuilder_rules") is not None:
        return _pack(doc)
    spec = architecture.read(doc, diagnostics)
    if spec is None:
        return _settled(Report(file, doc), diagnostics)
    graph, facts, limits, verdicts = stages(doc, spec, rules, diagnostics)
    goals = _goals(doc, spec, rules, run, diagnostics)
    if facts is None:
        return _settled(Report(file, doc, spec, goals=goals), diagnostics)
    diagnostics += lint(graph, facts)
    report = Report(file, doc, spec, graph, facts, limits, rules=verdicts, goals=goals)
    return _settled(report, diagnostics, complete=not overrides)


def stages(
    doc: Document, spec: Architecture, rules: Sequence[str], diagnostics: list[Diagnostic]
) -> tuple[Graph, Facts | None, tuple[Measured, ...], tuple[Verdict, ...]]:
    """What follows from a validated file: its graph, facts, limits and rules; what is wrong goes to `diagnostics`."""
    graph = lower.lower(spec, diagnostics)
    if spec.data is not None and spec.is_known("input") and spec.is_known("classes"):
        from archbuilder.spec.data import problems  # loaded already, with the section

        diagnostics += problems(spec.data, spec.input, spec.classes)
    if spec.train is not None:
        from archbuilder.spec.train import problems as misfits  # loaded already, with the section

        diagnostics += misfits(spec.train)
    if spec.space and _clean(diagnostics):
        from archbuilder.spec.space import impossible  # loaded already, with the section

        diagnostics += impossible(doc, spec)
    facts = analyse(graph, diagnostics) if _clean(diagnostics) else None
    if facts is not None and (spec.train is not None or spec.data is not None):
        from archbuilder.rules.recipe import problems as misfits_of_network

        diagnostics += misfits_of_network(spec, graph)
    limits = measure(spec.limits, facts, diagnostics)
    verdicts = _judge(doc, spec, graph, facts, rules, diagnostics) if spec.rules or rules else ()
    return graph, facts, limits, verdicts


def _judge(
    doc: Document,
    spec: Architecture,
    graph: Graph,
    facts: Facts | None,
    more: Sequence[str],
    diagnostics: list[Diagnostic],
) -> tuple[Verdict, ...]:
    """The rule packs held against a network; without facts what is wrong with the packs themselves."""
    from archbuilder.rules import packs

    found = packs.read_packs(packs.asked_for(spec, more), doc, diagnostics)
    return packs.judge(found, spec, graph, facts, diagnostics) if facts else ()


def _goals(
    doc: Document, spec: Architecture, more: Sequence[str], run: Path | None, diagnostics: list[Diagnostic]
) -> tuple[Standing, ...]:
    """The goals of a file and of its packs, held against the log of a run where it is of one."""
    asked = _asked(doc, spec, more)
    if not asked:
        return ()
    from archbuilder.rules import goals

    if run is None:
        diagnostics += goals.problems(asked, spec)
        return tuple(asked)
    try:
        log: Sequence[Record] = log_of_run(run)
    except ArchbuilderError as error:
        diagnostics += error.diagnostics
        return tuple(asked)
    judged = [goals.judge(each, log, goals.epochs_of(spec)) for each in asked]
    diagnostics += (found for each in judged if (found := each.finding()))
    return tuple(judged)


def _asked(doc: Document, spec: Architecture, more: Sequence[str]) -> list[Standing]:
    """The goals, before any training; what is wrong with a pack, its rules have said."""
    found: list[Standing] = []
    if spec.goals:
        from archbuilder.rules.goals import Standing

        found += (Standing(goal, "", goal.span()) for goal in spec.goals)
    if spec.rules or more:
        from archbuilder.rules import packs

        found += packs.goals(spec, packs.read_packs(packs.asked_for(spec, more), doc, []))
    return found


def _pack(doc: Document) -> Report:
    """A rule pack's own report: it is no network, but may lie beside one."""
    from archbuilder.rules.packs.pack import read

    diagnostics: list[Diagnostic] = []
    read(doc, diagnostics)
    return _settled(Report(doc.name, doc), diagnostics, complete=True)


def _clean(diagnostics: Sequence[Diagnostic]) -> bool:
    return all(d.severity != "error" for d in diagnostics)


def _settled(report: Report, diagnostics: list[Diagnostic], complete: bool = False) -> Report:
    """The report with its findings in order, but for those that comments in the files ignore.

    `complete`: every check was made on the file as it stands, so that a comment without a finding is idle."""
    assert report.document
    found = list(dict.fromkeys(diagnostics))  # a definition's body is read at each use
    ignored: list[Diagnostic] = []
    sources = report.document.sources
    if any("ignore" in text for text in sources.values()):
        from archbuilder.ignores import settle

        found, ignored = settle(found, sources, report.file, complete)
    return replace(report, ignored=tuple(ignored)).holding(report.ordered(found))


def load(source: Source, overrides: Sequence[str] = ()) -> Graph:
    """The graph of a path, `-` or a run's folder that meets its limits.  Raises ArchbuilderError with every error.

    >>> archbuilder.load("architectures/c1c2c3c40.yaml")
    <Graph 'c1c2c3c40': 3x32x32 -> 10, 53 nodes>
    """
    _warn_of_text(source, "load_text")
    return _sound(_check(source, overrides))


def load_text(text: str, file: str = "<string>", overrides: Sequence[str] = ()) -> Graph:
    """The graph of a YAML text that meets its limits.  Raises ArchbuilderError with every error.

    >>> archbuilder.load_text("{archbuilder: 1, name: n, input: [3, 8, 8], classes: 2, network: [gap, classifier]}")
    <Graph 'n': 3x8x8 -> 2, 3 nodes>
    """
    return _sound(check_text(text, file, overrides))


def _sound(report: Report) -> Graph:
    if not report.ok or report.graph is None:
        raise ArchbuilderError(*report.errors)
    return report.graph


def analyse_file(source: Source, overrides: Sequence[str] = ()) -> tuple[Graph, Facts]:
    """The graph of a source and its facts, whether or not it meets its limits.

    Raises ArchbuilderError where it cannot be analysed."""
    report = _check(source, overrides)
    if report.graph is None or report.facts is None:
        raise ArchbuilderError(*report.errors)
    return report.graph, report.facts
