"""Short trainings before the long one: a range of learning rates, one batch by heart."""

from __future__ import annotations

from dataclasses import replace

from archbuilder.run.plan import Plan

IN_FLOAT = "note: quantize is left out here: rounding needs trained weights, so the training in float is tested"


def in_float(plan: Plan) -> Plan:
    """The plan without the rounding of int8, which needs trained weights."""
    return replace(plan, train=plan.train.model_copy(update={"quantize": None}))
