"""Computed remedies: edits of a file after which it checks clean, found by applying and checking them.

    for proposal in suggest("net.yaml"):          # or a YAML text; cheapest first
        print(proposal.title, proposal.before, proposal.after, proposal.diff, sep="\\n")
    for fix in quick_fixes(check("net.yaml")):    # a diagnostic's own remedy as an edit
        print(fix.diagnostic, fix.title, fix.edits)

`suggest` first fixes plain mistakes, then searches for the cheapest edits that satisfy all limits and rules;
`archbuilder.remedies.edit_search` defines the cost of edits. Nothing here writes a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.document.text import read_text
from archbuilder.pipeline import Report, Source

if TYPE_CHECKING:
    from archbuilder.remedies.edit_search import Budget, Proposal, Suggestions
    from archbuilder.remedies.edits import Edit, apply_edits
    from archbuilder.remedies.fixes import Fix, quick_fixes
    from archbuilder.remedies.proposals import Session
    from archbuilder.remedies.requirements import Totals

__all__ = [
    "Budget",
    "Edit",
    "Fix",
    "Proposal",
    "Session",
    "Suggestions",
    "Totals",
    "apply_edits",
    "investigate",
    "quick_fixes",
    "suggest",
]

# name -> its module, imported on first use: an editor needs the search only later
_HOMES = {
    "Budget": "edit_search",
    "Edit": "edits",
    "Fix": "fixes",
    "Proposal": "edit_search",
    "Session": "proposals",
    "Suggestions": "edit_search",
    "Totals": "requirements",
    "apply_edits": "edits",
    "quick_fixes": "fixes",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def suggest(
    source: Source,
    overrides: Sequence[str] = (),
    rules: Sequence[str] = (),
    file: str | None = None,
    budget: Budget | None = None,
) -> list[Proposal]:
    """Edits after which a path or a YAML text checks clean, cheapest first; nothing is written.

    file:   the path of the file, if a text is given.
    budget: how long to search; by default two seconds of processor time.

    If there are none, `investigate` returns the closest result. Problems of the file are not raised.

        >>> best = archbuilder.suggest("examples/six_lines.yaml")[0]
        >>> best.title, best.before.receptive_field, best.after.receptive_field
        ('dilate conv2 (line 6): dilation 3', (29, 29), (45, 45))
    """
    return list(investigate(source, overrides, rules, file, budget).proposals)


def investigate(
    source: Source,
    overrides: Sequence[str] = (),
    rules: Sequence[str] = (),
    file: str | None = None,
    budget: Budget | None = None,
) -> Suggestions:
    """The proposals, the closest result if there are none, and statistics of the search.

    `file` is the path of an unsaved text, for example in an editor. Problems are in the report and never raised."""
    from archbuilder.remedies.edit_search import Budget, Suggestions
    from archbuilder.remedies.proposals import Session

    try:
        name, text = read_text(source)
    except ArchbuilderError as error:
        return Suggestions(Report(str(source), diagnostics=error.diagnostics))
    return Session(file or name, text, overrides, rules).run(budget or Budget())
