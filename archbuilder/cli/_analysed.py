"""The network that a command shows, of a file or of a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import Report, check


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
