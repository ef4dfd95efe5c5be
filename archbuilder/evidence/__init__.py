"""The evidence of a run: report.html and report.md, the pictures beside them, model.py and evaluation.json.

`report.write_report` makes them all from the files of a run and its images; `finish` does so at the end of
a run.  What that needs is imported only then.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.run.result import typed

if TYPE_CHECKING:
    import torch

    from archbuilder.data.arrays import Splits

REPORT, EVALUATION, COMPARISON = "report.html", "evaluation.json", "comparison.html"

UNWRITTEN = declare(
    "AB761",
    "a report that could not be written",
    severity="warning",
    why="The run is complete without the report; `archbuilder report` can write it later.",
    bad="$ archbuilder train net.yaml  # where the disk is full after the last epoch",
    good="$ archbuilder train net.yaml --no-report",
)


def finish(path: Path, splits: Splits, device: torch.device) -> None:
    """Write the report of a run that has just come to its end, and say where it is.

    Whatever goes wrong here is a warning on standard error: the run is finished and loses nothing.
    """
    with _harmless(path):
        from archbuilder.evidence.report import write_report
        from archbuilder.trained.open import open_run

        write_report(open_run(path, loaded=splits), device)
        print(f"report: {path / REPORT}")


def finish_several(folder: Path, runs: Sequence[Path]) -> None:
    """The same for runs with several seeds: their comparison, in the folder that they are in."""
    with _harmless(folder):
        from archbuilder.evidence.comparison import write_comparison
        from archbuilder.run.folder import RunFolder
        from archbuilder.trained.open import open_run

        write_comparison([open_run(path) for path in runs], RunFolder(folder, published=True))
        print(f"comparison: {folder / COMPARISON}")


@contextmanager
def _harmless(path: Path) -> Iterator[None]:
    """Report what fails in here as a warning, and go on."""
    again = typed("report", path)
    try:
        yield
    except Exception as error:
        message = f"the run is finished, but its report could not be written: {_reason(error)}"
        print(UNWRITTEN.at(Span(str(path)), message, f"after fixing that: {again}"), file=sys.stderr)


def _reason(error: Exception) -> str:
    if isinstance(error, ArchbuilderError):
        return error.diagnostics[0].message
    return f"{type(error).__name__}: {error}"
