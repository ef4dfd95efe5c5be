"""What the map before the global pool sees of the image itself, without padding, which a receptive field includes."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.visible_pixels import seen
from archbuilder.ir.reach import Axis, Reach


class View(NamedTuple):
    """Where the units of the map look along one axis of the image, in pixels from 0.

    `side` is the number of pixels, `units` that of the map; `unit` is the middle unit, whose centre is nearest to that
    of the image. It is computed from `touched` pixels of the image, from `first` to `last`.
    """

    side: int
    units: int
    unit: int
    first_centre: float
    centre: float
    first: int
    last: int
    touched: int

    @property
    def inside(self) -> int:
        """How many pixels of the image the middle unit spans."""
        return max(0, self.last - self.first + 1)

    @property
    def covers(self) -> bool:
        """Whether the middle unit spans the whole axis."""
        return self.inside == self.side

    @property
    def offset(self) -> float:
        """From the centre of the image to that of the middle unit, in pixels: negative where the unit's comes first."""
        return self.centre - (self.side - 1) / 2


def views(facts: Facts) -> tuple[View, View]:
    """The view of the map before the global pool, along height and width."""
    x, last, field = facts.graph.input, facts.graph.shape(facts.value), facts.field
    unit = middle_unit(field.h, x.h, last.h), middle_unit(field.w, x.w, last.w)
    rows, columns = seen(facts.graph, facts.value, (1 << unit[0], 1 << unit[1]))
    return _view(field.h, x.h, last.h, unit[0], rows), _view(field.w, x.w, last.w, unit[1], columns)


def _view(axis: Axis, side: int, units: int, unit: int, pixels: int) -> View:
    first, last = max(0, (pixels & -pixels).bit_length() - 1), pixels.bit_length() - 1
    return View(side, units, unit, axis.centre(), axis.centre(unit), first, last, pixels.bit_count())


def middle_unit(axis: Axis, side: int, units: int) -> int:
    """The unit whose centre is nearest to the centre of `side` pixels; the first one of two."""
    nearest = ceil(((side - 1) / 2 - axis.centre()) / float(axis.stride) - 0.5)
    return min(max(nearest, 0), units - 1)


def whole(facts: Facts) -> tuple[int, int] | None:
    """The field including norms over space and gates, which look at the whole map; None if unknown."""
    field = facts.field
    if field.status == "unknown":
        return None
    if not looks_at_all(facts):
        return field.size
    return max(field.size[0], facts.graph.input.h), max(field.size[1], facts.graph.input.w)


def looks_at_all(facts: Facts) -> bool:
    """Whether a unit of the map depends on every pixel through an op that its interval does not count."""
    status = facts.field.status
    if status != "upper bound":  # an upper bound hides the status "whole input"
        return status == "whole input"
    graph, wanted = facts.graph, {facts.value}
    for node in reversed(graph.nodes.values()):
        if node.name in wanted:
            wanted.update(node.inputs)
            fresh = node.op.reach((Reach(),) * len(node.inputs), graph.inputs(node))
            if fresh.status == "whole input":
                return True
    return False
