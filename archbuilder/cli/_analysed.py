"""What a command shows of a file or of a run: its network, and of a run how far it has come, and how well."""

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
    """A report with facts, whether or not limits are met; of a run it is said that it is one.

    Raises ArchbuilderError where there are none."""
    from archbuilder.reporting.diagnostic import printable
    from archbuilder.reporting.text import as_trained

    report = check(source, overrides, rules)
    if report.facts is None:
        raise ArchbuilderError(*report.errors)
    if report.run:
        print(f"{printable(report.place)}: a run, {printable(as_trained(report))}", file=sys.stderr)
    return report


def outcome_of_run(run: Path) -> str:
    """How far a run has come, and how well, in words."""
    from archbuilder.run.listing import outcome  # only where there is a run

    return outcome(run)


def cells_of_run(run: Path) -> Mapping[str, Cell]:
    """The same as columns of a table."""
    from archbuilder.run.listing import cells

    return cells(run)
