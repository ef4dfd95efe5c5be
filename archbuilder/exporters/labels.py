"""What stands beside a value in every export: its shape and receptive field, in the words of the report."""

from __future__ import annotations

from archbuilder.analysis.facts import Facts
from archbuilder.reporting.text import HEADER, layer_rows

OUTPUT, FIELD = HEADER.index("output"), HEADER.index("RF")


def labels(facts: Facts) -> dict[str, str]:
    """For each value: `20x16x16, RF 7`; a vector has no field of its own."""
    rows = layer_rows(facts, per_op=True)
    return {
        layer.node.name: row[OUTPUT] if layer.node.shape.flat else f"{row[OUTPUT]}, RF {row[FIELD]}"
        for layer, row in zip(facts.layers, rows, strict=True)
    }
