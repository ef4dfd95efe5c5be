"""The effective field of the middle unit, measured for a drawing."""

from __future__ import annotations

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.view import views
from archbuilder.exporters.field_plot import Measured


def measured_field(facts: Facts) -> Measured:
    """The field of the middle unit of the map before the global pool.  Raises ImportError without torch."""
    from archbuilder.modules.effective import effective_field, level, side

    h, w = views(facts)
    heat = effective_field(facts.graph, facts.value, (h.unit, w.unit))
    (half, half_part), (most, most_part) = level(heat, 0.5), level(heat, 0.95)
    parts = f"half of it: {100 * half_part:.0f} % of the image, 95 % of it: {100 * most_part:.0f} %"
    return Measured(heat, (half, most), f"{parts};\neffective side: {side(heat):.0f} pixels")
