"""The stages in order: text -> Document -> Spec -> Graph -> Facts -> Verdict.

`_checked` and `stages` are the list.  A stage reports all the problems it can find; a later one runs as far as the
earlier ones allow.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.analysis.facts import Facts, analyse
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span
from archbuilder.document.nodes import Document
from archbuilder.ir.builder import Parts
from archbuilder.ir.graph import Graph
from archbuilder.lower import lower
from archbuilder.report import Report as Report  # what all of this gives
from archbuilder.rules.limits import measure
from archbuilder.rules.lints import lint
from archbuilder.sources import Opened, log_of_run, open_source
from archbuilder.spec import architecture
from archbuilder.spec.architecture import Architecture

if TYPE_CHECKING:
    from archbuilder.rules.goals import Record, Standing
    from archbuilder.rules.packs import Verdict  # imported where a pack is asked for
    from archbuilder.rules.packs.pack import Pack

    Packs = Sequence[tuple[Pack, Span]]  # each with the place where it is asked for

Source = str | os.PathLike[str]

NOT_TRAINED = ("goals", "limits", "name", "rules")  # sections that say nothing of what a run is trained to be


def _checked(opened: Opened, overrides: Sequence[str], rules: Sequence[str], run: Path | None) -> Report:
    """Text -> Document -> Spec, and all that follows from it; the goals of a run are held against its log."""
    found: list[Diagnostic] = []
    try:
        document = opened.document(overrides)
    except ArchbuilderError as error:
        return Report.unread(opened, error)
    found += document.diagnostics
    if document.root.get("archbuilder_rules") is not None:
        return _pack(document, found)
    spec = architecture.read(document, found)
    if spec is None:
        return _settled(Report(opened.file, document), found)
    report = stages(document, spec, rules, found)
    report = replace(report, goals=_held(report.goals, spec, run, found))
    if report.graph is None or report.facts is None:
        return _settled(report, found)
    found += lint(report.graph, report.facts)
    return _settled(report, found, complete=not overrides)


def stages(
    document: Document,
    spec: Architecture,
    rules: Sequence[str],
    found: list[Diagnostic],
    parts: Parts | None = None,
) -> Report:
    """Spec -> Graph -> Facts -> Verdict: what follows from a validated file.  What is wrong goes to `found` alone.

    parts: what its blocks have given in other networks, as the candidates of a search share them."""
    graph = lower(spec, found, parts)
    found += _section_problems(document, spec, found)
    facts = None if _has_errors(found) else analyse(graph, found, parts.analysed if parts else None)
    misfits = _misfits(spec, graph) if facts else []
    found += misfits
    limits = measure(spec.limits, facts, found)
    packs = _packs(document, spec, rules, found)  # late: one that cannot be read keeps nothing from being analysed
    return Report(
        document.name,
        document,
        spec,
        graph if facts else None,
        facts,
        limits,
        misfits=tuple(misfits),
        rules=_judge(packs, spec, graph, facts, found) if facts else (),
        goals=tuple(_asked(spec, packs)),
    )


def _has_errors(found: Sequence[Diagnostic]) -> bool:
    return any(d.severity == "error" for d in found)


def _section_problems(document: Document, spec: Architecture, found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What the sections `data:`, `train:` and `space:` say that cannot be, whatever the network is.

    Their modules are loaded with a file that has them."""
    problems: list[Diagnostic] = []
    if spec.data is not None and spec.is_known("input") and spec.is_known("classes"):
        from archbuilder.spec import data

        problems += data.problems(spec.data, spec.input, spec.classes)
    if spec.train is not None:
        from archbuilder.spec import train

        problems += train.problems(spec.train)
    if spec.space and not _has_errors([*found, *problems]):
        from archbuilder.spec import space

        problems += space.impossible(document, spec)
    return problems


def _misfits(spec: Architecture, graph: Graph) -> list[Diagnostic]:
    """What of the sections `data:` and `train:` does not fit the network."""
    if spec.data is None and spec.train is None:
        return []
    from archbuilder.rules import recipe_fit

    return list(recipe_fit.problems(spec, graph))


def _packs(document: Document, spec: Architecture, more: Sequence[str], found: list[Diagnostic]) -> Packs:
    """The rule packs that a file and a command name; what is wrong with the packs goes to `found`."""
    if not spec.rules and not more:
        return ()
    from archbuilder.rules import packs

    return packs.read_packs(packs.asked_for(spec, more), document, found)


def _judge(
    packs: Packs, spec: Architecture, graph: Graph, facts: Facts, found: list[Diagnostic]
) -> tuple[Verdict, ...]:
    """The rule packs held against a network."""
    if not packs:
        return ()
    from archbuilder.rules.packs import judge

    return judge(packs, spec, graph, facts, found)


def _held(
    asked: Sequence[Standing], spec: Architecture, run: Path | None, found: list[Diagnostic]
) -> tuple[Standing, ...]:
    """The goals of a file and of its packs, held against the log of a run where it is of one."""
    if not asked:
        return ()
    from archbuilder.rules import goals

    if run is None:
        found += goals.problems(asked, spec)
        return tuple(asked)
    try:
        log: Sequence[Record] = log_of_run(run)
    except ArchbuilderError as error:
        found += error.diagnostics
        return tuple(asked)
    judged = [goals.judge(each, log, goals.epochs_of(spec)) for each in asked]
    found += (missed for each in judged if (missed := each.finding()))
    return tuple(judged)


def _asked(spec: Architecture, packs: Packs) -> list[Standing]:
    """The goals, before any training."""
    found: list[Standing] = []
    if spec.goals:
        from archbuilder.rules.goals import Standing

        found += (Standing(goal, "", goal.span()) for goal in spec.goals)
    if packs:
        from archbuilder.rules.packs import goals

        found += goals(spec, packs)
    return found


def _pack(document: Document, found: list[Diagnostic]) -> Report:
    """A rule pack's own report: it is no network, but may lie beside one."""
    from archbuilder.rules.packs.pack import read

    read(document, found)
    return _settled(Report(document.name, document), found, complete=True)


def _settled(report: Report, diagnostics: list[Diagnostic], complete: bool = False) -> Report:
    """The report with its findings in order, but for those that comments in the files ignore.

    `complete`: every check was made on the file as it stands, so that a comment without a finding is idle."""
    assert report.document
    found = list(dict.fromkeys(diagnostics))  # a definition's body is read at each use
    ignored: list[Diagnostic] = []
    sources = report.document.sources
    if any("ignore" in text for text in sources.values()):
        from archbuilder.document.ignores import settle

        found, ignored = settle(found, sources, report.file, complete)
    return replace(report, ignored=tuple(ignored)).holding(report.ordered(found))


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
        from archbuilder.blocks._external import not_loaded

        return replace(report, diagnostics=(*report.diagnostics, *not_loaded(opened.blocks, opened.run)))
    return report


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
