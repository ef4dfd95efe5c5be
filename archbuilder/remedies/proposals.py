"""From a text to proposals: first fix plain mistakes, then search for edits for limits and rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archbuilder.pipeline import Report, check_opened
from archbuilder.remedies.edit_search import (
    Budget,
    Proposal,
    Search,
    Suggestions,
    Trial,
    Trials,
    choose,
    cost_of,
    refine,
)
from archbuilder.remedies.moves import Context, all_moves
from archbuilder.remedies.repair import Mended, repair, tidy
from archbuilder.remedies.requirements import Goals, Totals, totals
from archbuilder.remedies.sites import MAX_SITES, find_sites, find_variables
from archbuilder.sources import Opened

if TYPE_CHECKING:
    from archbuilder.rules.packs.network import Network

OF_GOALS = frozenset({"AB541", "AB543"})
REFINED = 8  # proposals whose numbers are refined before the best are chosen


@dataclass(frozen=True)
class Session:
    """One text, its file, and the options of its check; the opened source if it is a run."""

    file: str
    text: str
    overrides: Sequence[str] = ()
    rules: Sequence[str] = ()
    counting: Callable[[Report], Report] = lambda report: report  # removes findings that do not count
    opened: Opened | None = None

    def check(self, text: str) -> Report:
        opened = replace(self.opened or Opened(self.file, text), text=text)
        return _of_network(self.counting(check_opened(opened, self.overrides, self.rules)))

    def run(self, budget: Budget, report: Report | None = None) -> Suggestions:
        """All proposals for the text; `report` is its check, if it has already been done."""
        report = _of_network(report) if report else self.check(self.text)
        if report.ok:
            mended = tidy(self.text, report, self.check)
            return Suggestions(report, (self._mended(report, mended),) if mended.titles else ())
        mended = repair(self.text, report, self.check)
        if mended.report.ok:
            return Suggestions(report, (self._mended(report, mended),))
        if mended.report.facts is None:
            return Suggestions(report, nearest=self._mended(report, mended) if mended.titles else None)
        return self._search(report, mended, budget)

    def _mended(self, report: Report, mended: Mended) -> Proposal:
        after, cost = totals(mended.report), cost_of(len(mended.titles), report, mended.report)
        before = totals(report) or after
        return Proposal(_titles(mended), self.text, mended.text, mended.report, before, after, cost)

    def _search(self, report: Report, mended: Mended, budget: Budget) -> Suggestions:
        """If no edits are found, apply the closest ones and search again from there."""
        before, checks, seconds = totals(mended.report), 0, 0.0
        while True:
            trials = Trials(mended.report, self.check, Goals.of(mended.report))
            context = _context(trials)
            left = Budget(budget.seconds - seconds, budget.checks - checks, budget.moves)
            search = Search(trials, all_moves(context), left)
            refined = [refine(trials, trial) for trial in choose(search.run(), REFINED)]
            checks, seconds = checks + trials.checks, seconds + search.seconds
            if refined or search.spent or not search.nearest.moves:
                break
            mended = Mended(search.nearest.text, search.nearest.report, (*mended.titles, *_of(search.nearest)))
        proposals = tuple(self._tried(trial, mended, before) for trial in choose(refined))
        nearest = None if proposals else self._tried(search.nearest, mended, before)
        notes = tuple(_notes(mended.report, context, budget if search.spent else None, self.overrides))
        return Suggestions(report, proposals, nearest, checks, seconds, notes)

    def _tried(self, trial: Trial, mended: Mended, before: Totals | None) -> Proposal:
        title = "; ".join([*([_titles(mended)] if mended.titles else []), *_of(trial)])
        cost = trial.cost._replace(edits=trial.cost.edits + len(mended.titles))
        return Proposal(title, self.text, trial.text, trial.report, before, totals(trial.report), cost)


def _of_network(report: Report) -> Report:
    """The report without findings that no edit of the network can fix: goals."""
    return replace(report, diagnostics=tuple(d for d in report.diagnostics if d.code.id not in OF_GOALS))


def _of(trial: Trial) -> list[str]:
    """The titles of the moves of a trial, in the order of the file."""
    return [move.title for move in sorted(trial.moves, key=lambda move: min(move.places))]


def _titles(mended: Mended) -> str:
    return "; ".join(f"{title} ({n} times)" if n > 1 else title for title, n in _counted(mended.titles))


def _counted(titles: Sequence[str]) -> list[tuple[str, int]]:
    return [(title, titles.count(title)) for title in dict.fromkeys(titles)]


def _context(trials: Trials) -> Context:
    report, root = trials.base, trials.root()
    assert report.facts is not None
    missing = [
        limit.bound - value + 1
        for limit, value in zip(trials.goals.limits, root.values, strict=True)
        if limit.name == "receptive_field" and not limit.holds(value)
    ]
    sites = tuple(find_sites(report, trials.source))
    variables = tuple(find_variables(report, trials.source))
    rules = tuple(verdict.asked for verdict in report.rules)
    return Context(
        trials.source,
        report.facts,
        sites,
        variables,
        max([0, *missing]),
        rules,
        _network(report) if rules else None,
    )


def _network(report: Report) -> Network:
    """The network as rules see it."""
    from archbuilder.rules.packs.network import Network

    assert report.spec and report.graph and report.facts
    return Network(report.spec, report.graph, report.facts)


def _notes(report: Report, context: Context, spent: Budget | None, overrides: Sequence[str]) -> Iterator[str]:
    """Notes on what was not edited, and why; `spent` is the budget, if it was used up."""
    assert report.document is not None and report.facts is not None
    files = {layer.node.span.file for layer in report.facts.layers} - {report.file}
    bases = sorted(files & set(report.document.sources))
    if bases:
        yield f"blocks of {', '.join(bases)} are not edited: use --suggest on that file"
    if overrides:
        yield "values given by --set are not edited"
    if len(context.sites) == MAX_SITES:
        yield f"only the {MAX_SITES} blocks that cost most were tried"
    if spent:
        yield f"stopped at the bound of {spent.checks} checks or {spent.seconds:g} s: there may be more"
