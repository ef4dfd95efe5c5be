"""The arena on a microcontroller as data: which tensor lies where, and while which operators."""

from __future__ import annotations

from archbuilder.live.answers.question import Answer, Question


def arena(question: Question) -> Answer:
    """The plan of the network's memory in int8, to the byte; null with a note where it has none."""
    from archbuilder.device.arena import arena as planned

    facts = question.report().facts
    if facts is None:
        return {"arena": None, "arena_note": "This file has an error: its arena is not known."}
    found = planned(facts.graph)
    if found is None:
        note = "TensorFlow Lite Micro has no kernel for a layer of this network, or too much is alive in it at once."
        return {"arena": None, "arena_note": note}
    operator, at_peak = found.peak
    here = {each.buffer for each in at_peak}
    operators = found.program.operators
    return {
        "arena": {
            "head": found.head,
            "greedy": found.greedy,
            "bound": found.bound,
            "total": list(found.total),
            "peak": operators.index(operator) if operator else -1,
            "operators": [{"kernel": each.kernel, "name": each.output} for each in operators],
            "placed": [
                {
                    "name": each.buffer.name,
                    "bytes": each.buffer.size,
                    "offset": each.offset,
                    "from": each.buffer.first,
                    "to": each.buffer.last,
                    "at_peak": each.buffer in here,
                }
                for each in found.placed
            ],
        }
    }
