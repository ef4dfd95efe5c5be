"""What the map before the global pool sees of the image itself: a receptive field includes padding."""

from __future__ import annotations

from math import ceil, floor
from typing import NamedTuple

from archbuilder.analysis.facts import Facts
from archbuilder.ir.reach import Axis, Reach


class View(NamedTuple):
    """One axis of the image, in pixels from 0: where the map's units look.

    `side` pixels, `units` of the map; `unit` is the middle one, whose centre is nearest to the image's.
    It sees the pixels `first` to `last` of the image.
    """

    side: int
    units: int
    unit: int
    first_centre: float
    centre: float
    first: int
    last: int

    @property
    def inside(self) -> int:
        """How many pixels of the image the middle unit sees."""
        return max(0, self.last - self.first + 1)

    @property
    def covers(self) -> bool:
        """Whether the middle unit sees the whole axis."""
        return self.inside == self.side

    @property
    def offset(self) -> float:
        """How far the middle unit's centre is behind the image's (negative: before it)."""
        return self.centre - (self.side - 1) / 2


def views(facts: Facts) -> tuple[View, View]:
    """The view of the map before the global pool, along height and width."""
    x, last, field = facts.graph.input, facts.graph.shape(facts.value), facts.field
    return view(field.h, x.h, last.h), view(field.w, x.w, last.w)


def view(axis: Axis, side: int, units: int) -> View:
    """What `units` with this field see of `side` pixels."""
    middle = (side - 1) / 2
    nearest = ceil((middle - axis.centre()) / float(axis.stride) - 0.5)  # of two that are as near, the first
    unit = min(max(nearest, 0), units - 1)
    first = max(0, ceil(axis.stride * unit + axis.lo))
    last = min(side - 1, floor(axis.stride * unit + axis.hi))
    return View(side, units, unit, axis.centre(), axis.centre(unit), first, last)


def whole(facts: Facts) -> tuple[int, int] | None:
    """The field with norms over space and gates counted in, which look at the whole map; None where unknown."""
    field = facts.field
    if field.status == "unknown":
        return None
    if not looks_at_all(facts):
        return field.size
    return max(field.size[0], facts.graph.input.h), max(field.size[1], facts.graph.input.w)


def looks_at_all(facts: Facts) -> bool:
    """Whether a unit of the map depends on every pixel, through something that its interval leaves out."""
    status = facts.field.status
    if status != "upper bound":  # which hides it
        return status == "whole input"
    graph, wanted = facts.graph, {facts.value}
    for node in reversed(graph.nodes.values()):
        if node.name in wanted:
            wanted.update(node.inputs)
            fresh = node.op.reach((Reach(),) * len(node.inputs), graph.inputs(node))
            if fresh.status == "whole input":
                return True
    return False
