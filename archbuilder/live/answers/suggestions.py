"""Remedies for findings: tested fixes, and edits found by a search."""

from __future__ import annotations

import time

from archbuilder.live.answers.question import Answer, Question
from archbuilder.live.editing.actions import Action, Remedies
from archbuilder.remedies import Budget, Proposal, Suggestions
from archbuilder.remedies.show import effects, headline, new_warnings, short, totals_to_dict
from archbuilder.reporting.diagnostic import printable

SECONDS, MOST_SECONDS = 2.0, 30.0  # of a search
TRYING = 2.0  # seconds of processor time after which no more fixes are tried: each needs a check


def fixes(question: Question) -> Answer:
    """The tested edits that fix single findings: one `diagnostic`, or all.

    On a large network with many findings, only those of the first ones."""
    report, only, end = question.report(), question.given.get("diagnostic"), time.process_time() + TRYING
    remedies = Remedies(question.buffer, report, question.session)
    found = []
    for number, finding in enumerate(report.diagnostics):
        if only in (None, number) and time.process_time() < end:
            found += [_fix(question, number, action) for action in remedies.of(finding, search=False)]
    return {"fixes": found}


def _fix(question: Question, number: int, action: Action) -> Answer:
    return {
        "diagnostic": number,
        "title": printable(action.title),
        "preferred": action.preferred,
        "changes": question.changes(action.patches),
    }


def suggest(question: Question) -> Answer:
    """The cheapest edits after which every limit and rule holds, as `check --suggest` finds them."""
    seconds = question.given.get("seconds", SECONDS)
    seconds = float(seconds) if isinstance(seconds, (int, float)) else SECONDS
    budget = Budget(seconds=min(max(seconds, 0.1), MOST_SECONDS))
    found = question.session.run(budget, question.report())
    nearest = found.nearest if found.nearest and found.nearest.diff else None
    return {
        "headline": printable(headline(found)),
        "suggestions": [_proposal(question, proposal, found) for proposal in found.proposals],
        "nearest": _proposal(question, nearest, found) if nearest else None,
        "missing": [short(d) for d in nearest.report.errors] if nearest else [],
        "notes": list(found.notes),
    }


def _proposal(question: Question, proposal: Proposal, found: Suggestions) -> Answer:
    before, after = proposal.before, proposal.after
    return {
        "title": printable(proposal.title),
        "effects": list(effects(before, after)) if before and after else [],
        "diff": proposal.diff,
        "text": proposal.text,
        "changes": question.changes(question.buffer.source.patches(proposal.edits)),
        "before": totals_to_dict(before),
        "after": totals_to_dict(after),
        "warnings": [short(d) for d in new_warnings(proposal, found)],
    }
