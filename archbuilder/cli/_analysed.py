"""The analysis of a file or of a run for commands, and the progress and accuracy of a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import Report, check

if TYPE_CHECKING:
    from archbuilder.reporting.table import Cell


def analysed(source: str, overrides: Sequence[str] = (), rules: Sequence[str] = ()) -> Report:
    """A report with facts, whether or not limits are met; a note on standard error says if it is a run.

    Raises ArchbuilderError if the network cannot be analysed."""
    from archbuilder.reporting.diagnostic import printable
    from archbuilder.reporting.text import as_trained

    report = check(source, overrides, rules)
    if report.facts is None:
        raise ArchbuilderError(*report.errors)
    if report.run:
        print(f"{printable(report.place)}: a run, {printable(as_trained(report))}", file=sys.stderr)
    return report


def outcome_of_run(run: Path) -> str:
    """The progress and the accuracy of a run, in words."""
    from archbuilder.run.listing import outcome  # only where there is a run

    return outcome(run)


def cells_of_run(run: Path) -> Mapping[str, Cell]:
    """The same as columns of a table."""
    from archbuilder.run.listing import cells

    return cells(run)
