"""A text with its mistakes mended, as far as each has a remedy that can be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from archbuilder.pipeline import Report
from archbuilder.remedies.edit_search import new_warnings
from archbuilder.remedies.edits import Overlap, Patch, Source, splice
from archbuilder.remedies.fixes import Fix, quick_fixes

ROUNDS = 10  # mistakes come to light when others are mended: syntax first, then names, then shapes
ONE_BY_ONE = 20  # fixes that are tried by themselves where all at once do not go


@dataclass(frozen=True)
class Mended:
    """A text after the fixes with these titles, and the report on it."""

    text: str
    report: Report
    titles: tuple[str, ...] = ()


def repair(text: str, report: Report, check: Callable[[str], Report]) -> Mended:
    """The text with every error mended that has a fix; the last state that got nowhere worse."""
    mended = Mended(text, report)
    for _ in range(ROUNDS):
        fixes = [fix for fix in quick_fixes(mended.report) if fix.diagnostic.severity == "error" and not fix.guess]
        if not fixes:
            break
        new, applied = _apply(mended.text, fixes)
        after = check(new)
        if {(d.code, d.message) for d in mended.report.errors} <= {(d.code, d.message) for d in after.errors}:
            break  # nothing got better
        mended = Mended(new, after, mended.titles + applied)
    return mended


def tidy(text: str, report: Report, check: Callable[[str], Report]) -> Mended:
    """A text without errors, with those warnings mended that have a fix; one that does harm is left out."""
    mended = Mended(text, report)
    for _ in range(ROUNDS):  # a report shows a hundred warnings, however many there are
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
    """The text after fixes, if it is without errors and with fewer warnings, and none of a new kind."""
    new, titles = _apply(text, fixes)
    after = check(new)
    better = len(after.found) < len(report.found) and new_warnings(report, after) == 0
    return Mended(new, after, titles) if after.ok and better else Mended(text, report)


def _apply(text: str, fixes: Iterable[Fix]) -> tuple[str, tuple[str, ...]]:
    """The text with as many fixes as go together, the same edit once, and their titles."""
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
