"""In a notebook, the curves of a run under its cell: drawn as in its report, anew as epochs are finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from time import perf_counter
from typing import Any

from archbuilder.evidence.curves import panels
from archbuilder.evidence.pictures import uri
from archbuilder.run.progress import in_notebook
from archbuilder.run.result import Record

SHARE = 0.1  # of the time at most that drawing takes from training

Display = Callable[..., Any]  # as IPython.display.display


class Curves:
    """What a cell shows: loss, accuracy and learning rate over the epochs so far."""

    def __init__(self, metrics: Sequence[Record]) -> None:
        self.pictures = [uri(panel, "image/svg+xml") for panel in panels(metrics)]

    def _repr_html_(self) -> str:
        pictures = (f'<img src="{picture}" style="width:32%;min-width:300px">' for picture in self.pictures)
        return f'<div style="display:flex;flex-wrap:wrap">{"".join(pictures)}</div>'


class Grower:
    """Draws the curves of a run again and again, in one place of a cell."""

    def __init__(self, epochs: int, display: Display) -> None:
        self.epochs, self._display = epochs, display
        self._shown: Any = None
        self._due = 0.0

    def __call__(self, metrics: Sequence[Record]) -> None:
        """After each epoch; one that would cost too much is left out, the last one never."""
        start = perf_counter()
        if start < self._due and len(metrics) < self.epochs:
            return
        try:
            curves = Curves(metrics)
            if self._shown is None:
                self._shown = self._display(curves, display_id=True)
            else:
                self._shown.update(curves)
        except Exception as error:  # whatever a notebook of any kind raises: the run does not need its curves
            print(f"warning: the curves could not be drawn ({type(error).__name__}: {error})")
            self._due = float("inf")
        else:
            now = perf_counter()
            self._due = now + (now - start) * (1 - SHARE) / SHARE


def growing(epochs: int) -> Callable[[Sequence[Record]], None]:
    """What is called after each epoch with all records; outside a notebook it does nothing."""
    if not in_notebook():
        return lambda metrics: None
    return Grower(epochs, import_module("IPython.display").display)  # the notebook has imported it itself
