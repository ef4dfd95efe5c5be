"""A set of moves with what is known of it, or foretold from its parts."""

from __future__ import annotations

from dataclasses import dataclass

from archbuilder.remedies.goals import Goals
from archbuilder.remedies.moves import Move
from archbuilder.remedies.trial import RULE, Trial


@dataclass(frozen=True)
class Plan:
    """What a trial has, without its text: values of the goals, other errors, and what counts as its cost."""

    moves: tuple[Move, ...]
    key: frozenset[int]
    places: frozenset[int]
    values: tuple[int, ...]
    others: frozenset[tuple[str, str]]
    distance: float
    edits: int
    doubts: int
    change: float
    dilation: int

    @classmethod
    def of(cls, trial: Trial) -> Plan:
        """What was found."""
        cost = trial.cost
        key, places = frozenset(map(id, trial.moves)), frozenset(place for move in trial.moves for place in move.places)
        distance = 0.0 if trial.ok else max(trial.distance, 1e-9)
        return cls(trial.moves, key, places, trial.values, trial.others, distance, *cost[:4])

    def and_then(self, single: Plan, root: Trial, goals: Goals) -> Plan:
        """The effects of both, added."""
        values = tuple(a + b - c for a, b, c in zip(self.values, single.values, root.values, strict=True))
        others = (self.others - (root.others - single.others)) | (single.others - root.others)
        return Plan(
            (*self.moves, *single.moves),
            self.key | single.key,
            self.places | single.places,
            values,
            others,
            goals.distance(values) + RULE * len(others),
            self.edits + single.edits,
            self.doubts + single.doubts,
            self.change + single.change,
            max(self.dilation, single.dilation),
        )

    def rank(self) -> tuple[float, ...]:
        """The order of promise: near, then cheap."""
        return round(self.distance, 4), self.edits, self.doubts, self.change, self.dilation
