"""What a trained network takes image files for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from archbuilder.data.batches import Normaliser
from archbuilder.data.decoding import picture, quiet
from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.trained.evaluation import softmax
from archbuilder.trained.open import LAST, Trained

AT_ONCE = 64  # images in memory


@dataclass(frozen=True)
class Guess:
    """A class and its probability, 0..1."""

    name: str
    probability: float


@dataclass(frozen=True)
class Answer:
    """The most probable classes of one image file, the best first; `size` is its own (width, height)."""

    path: str
    size: tuple[int, int]
    guesses: tuple[Guess, ...]


def answers(
    trained: Trained, paths: Sequence[str], device: torch.device, top: int = 5, which: str = LAST
) -> Iterator[Answer | Diagnostic]:
    """One answer for each file, in their order; for one that cannot be read what is wrong with it.

    Raises ArchbuilderError for weights that cannot be read.
    """
    module = trained.network(which).to(device).to(memory_format=torch.channels_last)
    card, x = trained.card, trained.plan.graph.input
    normalise = Normaliser(card.mean, card.std, trained.plan.data, device=device)
    for start in range(0, len(paths), AT_ONCE):
        with quiet():
            read = [_read(path, (x.c, x.h, x.w)) for path in paths[start : start + AT_ONCE]]
        good = [found[0] for found in read if not isinstance(found, Diagnostic)]
        if good:
            with torch.no_grad():
                logits = module(normalise(torch.from_numpy(np.stack(good)))).double().cpu().numpy()
            shares = iter(softmax(logits))
        for path, found in zip(paths[start : start + AT_ONCE], read, strict=True):
            if isinstance(found, Diagnostic):
                yield found
            else:
                yield Answer(path, found[1], _best(next(shares), card.classes, top))


def _read(path: str, shape: tuple[int, int, int]) -> tuple[np.ndarray, tuple[int, int]] | Diagnostic:
    try:
        return picture(Path(path), shape)
    except ArchbuilderError as error:
        return error.diagnostics[0]


def _best(shares: np.ndarray, names: Sequence[str], top: int) -> tuple[Guess, ...]:
    order = np.argsort(-shares, kind="stable")[:top]
    return tuple(Guess(names[number], float(shares[number])) for number in order.tolist())
