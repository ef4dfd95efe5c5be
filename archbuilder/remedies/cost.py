"""What an edit costs: which of several that satisfy everything is proposed first.

1. The number of edits.  A block changed is one edit, wherever it is used or repeated; so is a variable, and a
   stride that moves.  A warning that was not there before counts as one more edit, and so does a conv whose
   dilation steps further than its input sees: its units skip pixels.
2. The number of these doubts: two plain edits rather than one with a warning.
3. The relative change of parameters and of MACs, added.  What is lost counts twice: a network that shrinks has
   lost capacity, one that grows within its limits has not.
4. The largest dilation: small ones on coarse maps rather than large ones on fine maps.
5. The relative change of the receptive field: no more of it than is asked for.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from archbuilder.analysis.facts import Facts
from archbuilder.ir.ops import Conv2d
from archbuilder.pipeline import Report
from archbuilder.remedies.goals import Totals, totals

LOSS = 2.0


class Cost(NamedTuple):
    """Compared in this order; see the head of this file."""

    edits: int
    doubts: int
    change: float
    dilation: int
    growth: float


def cost_of(edits: int, before: Report, after: Report) -> Cost:
    """The cost of so many edits that made one network another; of a text that cannot be analysed their number."""
    old, new = totals(before), totals(after)
    if old is None or new is None or before.facts is None or after.facts is None:
        return Cost(edits, 0, 0.0, 1, 0.0)
    doubts = new_warnings(before, after) + max(0, leaps(after.facts) - leaps(before.facts))
    return Cost(edits + doubts, doubts, _change(old, new), _largest_dilation(after.facts), _growth(old, new))


def new_warnings(before: Report, after: Report) -> int:
    """How many more warnings of each kind there are than before."""
    return (_warnings(after) - _warnings(before)).total()


def _warnings(report: Report) -> Counter[str]:
    return Counter(d.code.id for d in report.found if d.severity == "warning")


def leaps(facts: Facts) -> int:
    """How many blocks have a conv whose taps lie further apart than what a unit of its input sees."""
    places = set()
    for node, op in facts.nodes_of(Conv2d):
        reach = facts.reaches[node.inputs[0]]
        for dilation, kernel, axis in zip(op.dilation, op.kernel, (reach.h, reach.w), strict=True):
            if kernel > 1 and dilation > 1 and dilation * axis.stride > axis.size:
                places.add(node.span)
    return len(places)


def _largest_dilation(facts: Facts) -> int:
    return max((max(op.dilation) for _, op in facts.nodes_of(Conv2d) if max(op.kernel) > 1), default=1)


def _change(old: Totals, new: Totals) -> float:
    return round(_relative(old.params, new.params) + _relative(old.macs, new.macs), 9)


def _relative(old: int, new: int) -> float:
    by = (new - old) / max(old, 1)
    return by if by > 0 else LOSS * abs(by)


def _growth(old: Totals, new: Totals) -> float:
    if old.receptive_field is None or new.receptive_field is None:
        return 0.0
    return round(abs(sum(new.receptive_field) / sum(old.receptive_field) - 1), 9)
