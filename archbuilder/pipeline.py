"""The stages in order: text -> Document -> Spec -> Graph -> Facts -> Verdict.

See `_checked` and `stages`. Each stage reports all problems that it can find; a later stage runs as far as the results
of the earlier ones allow.
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
from archbuilder.report import Report as Report  # the result of all stages
from archbuilder.rules.limits import measure
from archbuilder.rules.lints import lint
from archbuilder.sources import Opened, log_of_run, open_source
from archbuilder.spec import architecture
from archbuilder.spec.architecture import Architecture

if TYPE_CHECKING:
    from archbuilder.rules.goals import Record, Standing
    from archbuilder.rules.packs import Verdict  # imported only if there is a rule pack
    from archbuilder.rules.packs.pack import Pack

    Packs = Sequence[tuple[Pack, Span]]  # each with the place that names it

Source = str | os.PathLike[str]

NOT_TRAINED = ("goals", "limits", "name", "rules")  # sections without effect on the training of a run


def _checked(opened: Opened, overrides: Sequence[str], rules: Sequence[str], run: Path | None) -> Report:
    """Text -> Document -> Spec -> all later stages; the goals of a run are compared with its log."""
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
    """Spec -> Graph -> Facts -> Verdict for a validated file. Problems are added to `found`.

    parts: cached results of its blocks from other networks, which the candidates of a search share."""
    graph = lower(spec, found, parts)
    found += _section_problems(document, spec, found)
    facts = None if _has_errors(found) else analyse(graph, found, parts.analysed if parts else None)
    misfits = _misfits(spec, graph) if facts else []
    found += misfits
    limits = measure(spec.limits, facts, found)
    packs = _packs(document, spec, rules, found)  # late: the network is analysed even if a pack cannot be read
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
    """Errors in the sections `data:`, `train:` and `space:` that do not depend on the network.

    Their modules are loaded only if the file has these sections."""
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
    """Conflicts between the sections `data:` and `train:` and the network."""
    if spec.data is None and spec.train is None:
        return []
    from archbuilder.rules import recipe_fit

    return list(recipe_fit.problems(spec, graph))


def _packs(document: Document, spec: Architecture, more: Sequence[str], found: list[Diagnostic]) -> Packs:
    """The rule packs that a file and a command name; problems of the packs are added to `found`."""
    if not spec.rules and not more:
        return ()
    from archbuilder.rules import packs

    return packs.read_packs(packs.asked_for(spec, more), document, found)


def _judge(
    packs: Packs, spec: Architecture, graph: Graph, facts: Facts, found: list[Diagnostic]
) -> tuple[Verdict, ...]:
    """The results of the rule packs for a network."""
    if not packs:
        return ()
    from archbuilder.rules.packs import judge

    return judge(packs, spec, graph, facts, found)


def _held(
    asked: Sequence[Standing], spec: Architecture, run: Path | None, found: list[Diagnostic]
) -> tuple[Standing, ...]:
    """The goals of a file and its rule packs; for a run, compared with its log."""
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
    """The report on a rule pack, which is not a network but may be in the same folder."""
    from archbuilder.rules.packs.pack import read

    read(document, found)
    return _settled(Report(document.name, document), found, complete=True)


def _settled(report: Report, diagnostics: list[Diagnostic], complete: bool = False) -> Report:
    """The report with its findings in order, without those that comments in the files ignore.

    complete: every check was made on the unchanged file, so an ignore comment without a finding is unused."""
    assert report.document
    found = list(dict.fromkeys(diagnostics))  # a definition is checked at each use, so findings can repeat
    ignored: list[Diagnostic] = []
    sources = report.document.sources
    if any("ignore" in text for text in sources.values()):
        from archbuilder.document.ignores import settle

        found, ignored = settle(found, sources, report.file, complete)
    return replace(report, ignored=tuple(ignored)).holding(report.ordered(found))


def check(source: Source, overrides: Sequence[str] = (), rules: Sequence[str] = ()) -> Report:
    """The report on a path, `-` (standard input) or the folder of a run; torch is not needed.

    overrides: texts such as `train.epochs=3`, after those of a run.
    rules: rule packs in addition to those that the file names.

    The goals of a run are compared with its log; a missed goal is an error. If an override changes a value that the run
    was trained with, the report is on another network, and the goals are open as for any file.

    Parameters are counted in scalars, MACs for one image, fields in input pixels.  Problems are in the report and never
    raised. A string with a line break is still read as YAML, but this is deprecated: use `check_text`.

        >>> report = archbuilder.check("architectures/c1c2c3c40.yaml")
        >>> report.ok, report.facts.params, report.facts.field.size
        (True, 172910, (69, 69))
    """
    _warn_of_text(source, "check_text")
    return _check(source, overrides, rules, by_log=True)


def judged(report: Report, log: Sequence[Record]) -> Report:
    """The report with its goals compared with the log of a run: one record per epoch, from the first epoch."""
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
    """`check` without the goals of the run: for a network that is to be trained or built."""
    _warn_of_text(source, "check_text")
    return _check(source, overrides)


def _check(source: Source, overrides: Sequence[str], rules: Sequence[str] = (), by_log: bool = False) -> Report:
    try:
        opened = open_source(source)
    except ArchbuilderError as error:
        return Report(str(source), diagnostics=error.diagnostics)
    return check_opened(opened, overrides, rules, by_log)


def check_text(text: str, file: str = "<string>", overrides: Sequence[str] = (), rules: Sequence[str] = ()) -> Report:
    """`check` of a YAML text; the files that it extends are relative to the folder of `file`.

    >>> archbuilder.check_text("{archbuilder: 1, input: [3, 8, 8], classes: 2, network: [gap, classifier]}").ok
    True
    """
    return check_opened(Opened(file, text), overrides, rules)


def check_opened(
    opened: Opened, overrides: Sequence[str] = (), rules: Sequence[str] = (), by_log: bool = False
) -> Report:
    """`check` of an opened source; by_log: compare the goals of a run with its log."""
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
    """The graph of a source and its facts, even if it misses its limits.

    Raises ArchbuilderError if it cannot be analysed."""
    report = _check(source, overrides)
    if report.graph is None or report.facts is None:
        raise ArchbuilderError(*report.errors)
    return report.graph, report.facts
