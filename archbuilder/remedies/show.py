"""Suggestions as text for people, and as plain data for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from archbuilder.diagnostics import MAX_PROBLEMS, Diagnostic
from archbuilder.ir.op import by
from archbuilder.remedies.edit_search import Proposal, Suggestions, leaps
from archbuilder.remedies.requirements import Totals
from archbuilder.reporting.diagnostic import printable
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import human

INDENT = "   "
MAX_LINE = 160  # characters of a line of a diff
NEARLY = 0.005  # a change below half a percent is shown in full numbers instead


def render(suggestions: Suggestions, style: Style = PLAIN) -> str:
    """All proposals for one file, or the closest result; empty if there is nothing to fix."""
    if suggestions.report.document is None or (suggestions.report.ok and not suggestions.proposals):
        return ""
    lines = [style.bold(printable(headline(suggestions)))]
    for number, proposal in enumerate(suggestions.proposals, 1):
        lines += ["", *_proposal(f"{number}. ", proposal, suggestions, style)]
    if suggestions.nearest and suggestions.nearest.diff:
        lines += ["", *_proposal("nearest: ", suggestions.nearest, suggestions, style)]
        lines += [f"{INDENT}{style.red('still')} {short(d)}" for d in suggestions.nearest.report.errors]
    lines += ["", *(f"note: {note}" for note in suggestions.notes)] if suggestions.notes else []
    return "\n".join(lines)


def applied(proposal: Proposal, suggestions: Suggestions, style: Style = PLAIN) -> str:
    """The edits that were applied to a file."""
    return "\n".join([*_proposal(f"{suggestions.report.file}: ", proposal, suggestions, style)])


def headline(suggestions: Suggestions) -> str:
    """The result in one line."""
    report, count = suggestions.report, len(suggestions.proposals)
    tried = f"{suggestions.checks} edits tried in {suggestions.seconds:.1f} s"
    if not suggestions.checks:
        return f"{report.file}: {_mending(suggestions)}"
    if count:
        ways = "a way" if count == 1 else f"{count} ways"
        return f"{report.file}: {ways} to satisfy every limit and rule, the cheapest first ({tried})"
    nearer = "" if suggestions.nearest and suggestions.nearest.diff else ", and none comes closer"
    return f"{report.file}: no edits were found that satisfy every limit and rule{nearer} ({tried})"


def _mending(suggestions: Suggestions) -> str:
    """The headline if no search was necessary."""
    if suggestions.report.ok:
        return "warnings that can be fixed"
    if suggestions.proposals:
        return "mistakes that can be fixed"
    return (
        "not all mistakes can be fixed automatically" if suggestions.nearest else "nothing can be fixed automatically"
    )


def _proposal(lead: str, proposal: Proposal, suggestions: Suggestions, style: Style) -> Iterator[str]:
    yield style.bold(printable(lead + proposal.title))
    if proposal.before and proposal.after:
        yield INDENT + "   ".join(effects(proposal.before, proposal.after))
    for d in new_warnings(proposal, suggestions):
        yield f"{INDENT}{style.yellow('new warning')} {short(d)}"
    facts = suggestions.report.facts
    if facts and proposal.report.facts and leaps(proposal.report.facts) > leaps(facts):
        yield f"{INDENT}a dilation that is larger than the field of its input"
    yield from _diff(proposal.diff, style)


def effects(before: Totals, after: Totals) -> tuple[str, str, str]:
    """Parameters, MACs and the receptive field, as before -> after if they change."""
    params = _change(f"{before.params:,}", f"{after.params:,}", before.params, after.params)
    old, new = human(before.macs), human(after.macs)
    if old == new and before.macs != after.macs:
        old, new = f"{before.macs:,}", f"{after.macs:,}"
    macs = _change(old, new, before.macs, after.macs)
    field, grown = (by(each.receptive_field) if each.receptive_field else "unknown" for each in (before, after))
    return f"parameters {params}", f"MACs {macs}", f"receptive field {field}{f' -> {grown}' if grown != field else ''}"


def _change(old: str, new: str, before: int, after: int) -> str:
    if before == after:
        return old
    part = (after - before) / max(before, 1)
    return f"{old} -> {new}" + (f" ({part:+.0%})" if abs(part) >= NEARLY else "")


def new_warnings(proposal: Proposal, suggestions: Suggestions) -> list[Diagnostic]:
    """The warnings of kinds that have become more frequent."""
    known = Counter(d.code for d in suggestions.report.found)
    found = []
    for d in proposal.report.found:
        known[d.code] -= 1
        if d.severity == "warning" and known[d.code] < 0:
            found.append(d)
    return found[:MAX_PROBLEMS]


def short(d: Diagnostic) -> str:
    """A finding in one line."""
    return f"{d.code.id} {printable(d.message)}"


def _diff(diff: str, style: Style) -> Iterator[str]:
    """The hunks of a diff, without the file names."""
    paint = {"-": style.red, "+": style.green}
    for line in diff.splitlines()[2:]:
        shown = printable(line)[:MAX_LINE].rstrip()
        yield f"{INDENT}{paint.get(line[:1], str)(shown)}"


def to_dict(suggestions: Suggestions) -> dict[str, Any]:
    """Suggestions as plain data."""
    nearest = suggestions.nearest
    return {
        "proposals": [_to_dict(proposal) for proposal in suggestions.proposals],
        "nearest": _to_dict(nearest) | {"missing": [short(d) for d in nearest.report.errors]} if nearest else None,
        "checks": suggestions.checks,
        "notes": list(suggestions.notes),
    }


def _to_dict(proposal: Proposal) -> dict[str, Any]:
    return {
        "title": proposal.title,
        "edits": [
            {
                "line": edit.span.line,
                "column": edit.span.column,
                "end_line": edit.span.end_line,
                "end_column": edit.span.end_column,
                "text": edit.text,
            }
            for edit in proposal.edits
        ],
        "before": totals_to_dict(proposal.before),
        "after": totals_to_dict(proposal.after),
        "cost": proposal.cost._asdict(),
        "diff": proposal.diff,
    }


def totals_to_dict(totals: Totals | None) -> dict[str, Any] | None:
    """Totals as plain data."""
    if totals is None:
        return None
    field = list(totals.receptive_field) if totals.receptive_field else None
    return {"params": totals.params, "macs": totals.macs, "receptive_field": field}
