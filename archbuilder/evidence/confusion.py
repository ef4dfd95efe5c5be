"""The confusion matrix as a table with shades, or for many classes as a picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archbuilder.data.pixels import Pixels
from archbuilder.evidence.network import Table
from archbuilder.trained.evaluation import Outcome

MOST_CLASSES = 20  # the most classes that a readable table has

RIGHT, WRONG = (47, 109, 179), (209, 73, 91)


class Cell(NamedTuple):
    """A count, and the colour behind it."""

    number: int
    colour: str


def shaded(outcome: Outcome) -> list[list[Cell]] | None:
    """The cells row by row, each the stronger the greater its share of the row; None for too many classes."""
    if outcome.confusion is None or len(outcome.names) > MOST_CLASSES:
        return None
    rows = []
    for number, counts in enumerate(outcome.confusion):
        total = sum(counts) or 1
        rows.append([Cell(count, _colour(count / total, place == number)) for place, count in enumerate(counts)])
    return rows


def _colour(share: float, right: bool) -> str:
    red, green, blue = RIGHT if right else WRONG
    strength = 0.75 * share if right else min(0.9, 3.5 * share)  # a few per cent of mistakes must be visible
    return f"rgba({red},{green},{blue},{strength:.2f})"


def as_picture(outcome: Outcome) -> Pixels | None:
    """A pixel per cell, the darker the greater its share of the row; None where there are too many classes for that."""
    if outcome.confusion is None:
        return None
    counts = np.asarray(outcome.confusion, np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    grey = 255 * (1 - np.sqrt(shares))  # the root: a few per cent must be visible
    return np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)


def as_table(outcome: Outcome) -> Table | None:
    """The counts, with the classes' names on both sides; None for too many classes."""
    if outcome.confusion is None or len(outcome.names) > MOST_CLASSES:
        return None
    named = zip(outcome.names, outcome.confusion, strict=True)
    rows = tuple((name, *(str(count) if count else "" for count in counts)) for name, counts in named)
    return Table(("", *outcome.names), rows, frozenset({""}))
