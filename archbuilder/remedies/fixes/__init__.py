"""A diagnostic's remedy as a text edit, where the remedy is a single one: a name, a quote, a field.

One file per kind of remedy, found by its presence; each has `mend(diagnostic, page)`, which gives a title and
patches, or None.  They read what the hint says, so that what is done is what the user was told: a change of a
hint's words shows in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from archbuilder.diagnostics import Diagnostic
from archbuilder.pipeline import Report
from archbuilder.remedies.mapping import Unwritable
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Edit, Patches


class Mending(NamedTuple):
    """What a fix does, in words and as patches; `guess`: with a value that is only an example."""

    title: str
    patches: Patches
    guess: bool = False


Mend = Callable[[Diagnostic, Page], Mending | None]


@dataclass(frozen=True)
class Fix:
    """Edits that do what a diagnostic's hint says, and a title that says what they do.

    A `guess` has a value that is only an example (`add classes: 10`): it is for the user to take or leave."""

    diagnostic: Diagnostic
    title: str
    edits: tuple[Edit, ...]
    guess: bool = False


@cache
def _mends() -> tuple[Mend, ...]:
    return tuple(import_module(f"{__name__}.{module.name}").mend for module in iter_modules(__path__))


def quick_fixes(report: Report) -> list[Fix]:
    """The fixes of a report's diagnostics, each by itself, in their order; of places in the file itself only."""
    if report.document is None:
        return []
    page = Page(report.document)
    fixes = []
    for diagnostic in report.diagnostics:
        mending = _mending(diagnostic, page) if diagnostic.span.file == report.file else None
        if mending:
            fixes.append(Fix(diagnostic, mending.title, page.source.edits(mending.patches), mending.guess))
    return fixes


def _mending(diagnostic: Diagnostic, page: Page) -> Mending | None:
    for mend in _mends():
        try:
            if found := mend(diagnostic, page):
                return found
        except Unwritable:  # an alias, say: the edit has no place
            continue
    return None
