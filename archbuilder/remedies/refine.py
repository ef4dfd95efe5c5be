"""A proposal with its numbers brought as near to the old ones as everything still holds."""

from __future__ import annotations

from archbuilder.remedies.moves import Move
from archbuilder.remedies.moves.channels import step
from archbuilder.remedies.trial import Laboratory, Trial

CHECKS = 5  # for each number


def refine(laboratory: Laboratory, trial: Trial) -> Trial:
    """The trial, or a cheaper one that is as good: fewer channels lost, less dilation."""
    for number, move in enumerate(trial.moves):
        if move.at is not None:
            trial = _nearer(laboratory, trial, number, move)
    return trial


def _nearer(laboratory: Laboratory, trial: Trial, number: int, move: Move) -> Trial:
    """Halve the way between the old number, which is not enough, and one that is."""
    assert move.at is not None
    grid = step(move.old) if move.kind == "channels" else 1
    bad, good = move.old, move.value
    for _ in range(CHECKS):
        middle = bad + (good - bad) // (2 * grid) * grid if good > bad else bad - (bad - good) // (2 * grid) * grid
        if middle in (bad, good) or (other := move.at(middle)) is None:
            break
        moves = (*trial.moves[:number], other, *trial.moves[number + 1 :])
        nearer = laboratory.attempt(moves)
        if nearer is not None and nearer.ok and nearer.cost <= trial.cost:
            trial, good = nearer, middle
        else:
            bad = middle
    return trial
