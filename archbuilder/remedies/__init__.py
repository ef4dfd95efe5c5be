"""Remedies that are computed: edits of a file after which it checks clean, found by really trying them.

    for proposal in suggest("net.yaml"):          # or a YAML text; cheapest first
        print(proposal.title, proposal.before, proposal.after, proposal.diff, sep="\\n")
    for fix in quick_fixes(check("net.yaml")):    # a diagnostic's own remedy as an edit
        print(fix.diagnostic, fix.title, fix.edits)

`suggest` mends what is simply wrong, then looks for the cheapest edits that satisfy all limits and all rules;
`archbuilder.remedies.edit_search` says what cheap means.  Nothing here writes a file but `write`.
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

# name -> where it lives; imported on first use: an editor's text needs no search for its first facts
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

    file:   the path that a text stands for.
    budget: how long is searched; two seconds of processor time by default.

    What came nearest where there are none says `investigate`.  Problems of the file are not raised.

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
    """The proposals, what came nearest where there are none, and what was tried.

    `file` is the path that a text stands for (an unsaved one, in an editor).  Problems are in the report, never
    raised."""
    from archbuilder.remedies.edit_search import Budget, Suggestions
    from archbuilder.remedies.proposals import Session

    try:
        name, text = read_text(source)
    except ArchbuilderError as error:
        return Suggestions(Report(str(source), diagnostics=error.diagnostics))
    return Session(file or name, text, overrides, rules).run(budget or Budget())
