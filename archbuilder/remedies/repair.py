"""Fixes the mistakes of a text for which a remedy can be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from archbuilder.pipeline import Report
from archbuilder.remedies.edit_search import new_warnings
from archbuilder.remedies.edits import Overlap, Patch, Source, splice
from archbuilder.remedies.fixes import Fix, quick_fixes

ROUNDS = 10  # fixing some mistakes reveals others: first syntax, then names, then shapes
ONE_BY_ONE = 20  # fixes that are tried separately if they cannot all be applied at once


@dataclass(frozen=True)
class Mended:
    """A text after the fixes with these titles, and the report on it."""

    text: str
    report: Report
    titles: tuple[str, ...] = ()


def repair(text: str, report: Report, check: Callable[[str], Report]) -> Mended:
    """The text with every fixable error fixed; the last state that was not worse than the one before."""
    mended = Mended(text, report)
    for _ in range(ROUNDS):
        fixes = [fix for fix in quick_fixes(mended.report) if fix.diagnostic.severity == "error" and not fix.guess]
        if not fixes:
            break
        new, applied = _apply(mended.text, fixes)
        after = check(new)
        if {(d.code, d.message) for d in mended.report.errors} <= {(d.code, d.message) for d in after.errors}:
            break  # no improvement
        mended = Mended(new, after, mended.titles + applied)
    return mended


def tidy(text: str, report: Report, check: Callable[[str], Report]) -> Mended:
    """A text without errors, with the fixable warnings fixed; harmful fixes are not applied."""
    mended = Mended(text, report)
    for _ in range(ROUNDS):  # a report shows at most a hundred warnings
        more = _tidied(mended.text, mended.report, check)
        is_last = not (more.titles and mended.report.cut)
        mended = Mended(more.text, more.report, mended.titles + more.titles)
        if is_last:
            break
    return mended


def _tidied(text: str, report: Report, check: Callable[[str], Report]) -> Mended:
    """The same for the warnings that one report shows."""
    fixes = [fix for fix in quick_fixes(report) if fix.diagnostic.severity == "warning"]
    if not fixes:
        return Mended(text, report)
    together = _tried(text, report, fixes, check)
    if together.titles or len(fixes) == 1:
        return together
    good: list[Fix] = []
    for fix in fixes[:ONE_BY_ONE]:
        if _tried(text, report, [*good, fix], check).titles:
            good.append(fix)
    return _tried(text, report, good, check) if good else together


def _tried(text: str, report: Report, fixes: Iterable[Fix], check: Callable[[str], Report]) -> Mended:
    """The text after fixes, if it has no errors, fewer warnings, and no new kind of warning."""
    new, titles = _apply(text, fixes)
    after = check(new)
    better = len(after.found) < len(report.found) and new_warnings(report, after) == 0
    return Mended(new, after, titles) if after.ok and better else Mended(text, report)


def _apply(text: str, fixes: Iterable[Fix]) -> tuple[str, tuple[str, ...]]:
    """The text with as many compatible fixes as possible (equal edits once), and their titles."""
    source = Source(text, "")
    patches: list[Patch] = []
    titles: list[str] = []
    for fix in fixes:
        more = [patch for patch in source.patches(fix.edits) if patch not in patches]
        try:
            splice(text, [*patches, *more])
        except Overlap:
            continue
        patches += more
        titles.append(fix.title)
    return splice(text, patches), tuple(titles)
