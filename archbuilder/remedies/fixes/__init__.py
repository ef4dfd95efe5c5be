"""The remedy of a diagnostic as a text edit: where, and in which form, a `Remedy` is written.

Edits are made only from the remedy: hints and messages are never parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.pipeline import Report
from archbuilder.remedies.anchors import anchors_of, elsewhere
from archbuilder.remedies.edits import Edit
from archbuilder.remedies.fixes import layout, writers
from archbuilder.remedies.fixes.writers import Mending
from archbuilder.remedies.places import Page
from archbuilder.remedies.writing import Unwritable
from archbuilder.remedy import Change, Insert, Layout, Remedy, Remove, Rename, Replace, Write

_WRITERS: dict[type[Remedy], Callable[[Any, Span, Page], Mending | None]] = {
    Change: writers.change,
    Insert: writers.insert,
    Layout: layout.lay_out,
    Remove: writers.leave_out,
    Rename: writers.rename,
    Replace: writers.replace,
    Write: writers.write,
}


@dataclass(frozen=True)
class Fix:
    """The edits of a diagnostic's remedy, and a title that describes them.

    A `guess` has a value that is only an example (`add classes: 10`): the user must decide."""

    diagnostic: Diagnostic
    title: str
    edits: tuple[Edit, ...]
    guess: bool = False


def quick_fixes(report: Report) -> list[Fix]:
    """The fixes of a report's diagnostics, each independent, in order; only for places in the file itself."""
    if report.document is None:
        return []
    page = Page(report.document)
    anchors = anchors_of(page.source)
    fixes = []
    for diagnostic in report.diagnostics:
        mending = _mending(diagnostic, page) if diagnostic.span.file == report.file else None
        if mending:
            guess = diagnostic.remedy is not None and diagnostic.remedy.guess
            title = mending.title + elsewhere(page.source, anchors, mending.patches)
            fixes.append(Fix(diagnostic, title, page.source.edits(mending.patches), guess))
    return fixes


def _mending(diagnostic: Diagnostic, page: Page) -> Mending | None:
    if diagnostic.remedy is None:
        return None
    try:
        found = _WRITERS[type(diagnostic.remedy)](diagnostic.remedy, diagnostic.span, page)
    except Unwritable:  # for example an alias: there is no place for the edit
        return None
    return found if found and found.patches else None
