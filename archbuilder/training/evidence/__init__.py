"""The evidence of a run: report.html and report.md, the pictures beside them, model.py and evaluation.json.

`write_report` makes them all from the files of a run and its images, at the end of the run and whenever
it is asked to again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbuilder.training.evidence.report import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from archbuilder.training.evidence import report

    return getattr(report, name)
