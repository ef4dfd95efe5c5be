"""The derivation of the receptive field as a table: text, Markdown, CSV or JSON."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

from archbuilder.analysis.derivation import Pair, Step, Window, derive
from archbuilder.analysis.facts import Facts
from archbuilder.ir.graph import INPUT
from archbuilder.ir.op import by
from archbuilder.ir.reach import Reach
from archbuilder.reporting.field import MARKS, field_lines, range_of
from archbuilder.reporting.json import dumps, field_of, field_to_dict, number
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import columns
from archbuilder.reporting.width import wrapped

Row = tuple[str, ...]

HEADER = ("layer", "op", "from", "n_in", "n_out", "k", "s", "d", "p", "j", "r", "start")
LEFT = ("layer", "op", "from")

RECURRENCE = (
    "n_out = floor((n_in + p_before + p_after - d (k - 1) - 1) / s) + 1    units along an axis",
    "j_out = j_in s                                                        effective stride: pixels between units",
    "r_out = r_in + d (k - 1) j_in                                         receptive field in pixels, padding included",
    "start_out = start_in + (d (k - 1) / 2 - p_before) j_in                centre of the first unit; pixel 0 is at 0",
)
LETTERS = (
    "k kernel, s stride, d dilation, p padding (before+after where they differ; what a last window hangs over is after)"
)
SIGNS = {  # the signs in the table, and their meaning
    "x": "3x5: height x width",
    "-": "9-21: by the shortest path through skips and branches, and by the longest; a merge keeps both ends",
    "*": "*: units see the whole input; the number ignores norms over the map and gates, but not a global pool",
    "<": "<: an upper bound; the field depends on the position",
    "?": "?: not known; `archbuilder check` says why",
}


def text(name: str, facts: Facts, style: Style = PLAIN) -> str:
    """The derivation as text: the recurrence, the table and the result."""
    legend, rows = table(facts)
    if style.width is not None and any(len(line) > style.width for line in RECURRENCE):
        legend = [re.sub(" {3,}", "\n    ", line) for line in legend]
    start = [f"{name}: the receptive field, layer by layer", "", *legend, ""]
    lines = [*start, *columns(rows, LEFT, style, ("n_in", "d", "start")), "", *field_lines(facts)]
    return wrapped("\n".join(lines), style.width)


def markdown(name: str, facts: Facts) -> str:
    """For a README."""
    legend, (header, *lines) = table(facts)
    sides = tuple(":--" if title in LEFT else "--:" for title in header)
    parts = [f"## {name}: the receptive field, layer by layer", "", "```text", *legend, "```", ""]
    parts += ["| " + " | ".join(cells) + " |" for cells in (header, sides, *lines)]
    return "\n".join([*parts, "", "```text", *field_lines(facts), "```"])


def comma_separated(name: str, facts: Facts) -> str:
    """The table alone."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([HEADER, *_rows(facts)])
    return out.getvalue().rstrip("\n")


def to_json(name: str, facts: Facts) -> str:
    """One JSON object, version 1; every pair is [height, width]."""
    derivation = derive(facts)
    found = {
        "version": 1,
        "name": name,
        "input": list(facts.graph.input.dims),
        "layers": [_step(step) for step in derivation.steps],
        "before_gap": derivation.last,
        "receptive_field": field_of(facts.field),
        "receptive_field_status": facts.field.status,
        "receptive_field_with_gap": field_of(facts.field_with_gap),
        "field": field_to_dict(facts),
    }
    return dumps(found)


FORMATS: dict[str, Callable[[str, Facts], str]] = {
    "text": text,
    "markdown": markdown,
    "csv": comma_separated,
    "json": to_json,
}


def table(facts: Facts) -> tuple[list[str], list[Row]]:
    """The legend of the columns, and the rows, the header first."""
    rows = [HEADER, *_rows(facts)]
    return [*RECURRENCE, *_legend(rows)], _without_empty(rows)


def _rows(facts: Facts) -> Iterator[Row]:
    x, previous = facts.graph.input, INPUT
    yield (INPUT, "image", "", "", by((x.h, x.w)), "", "", "", "", "1", "1", "0")
    for step in derive(facts).steps:
        sources = "" if step.sources == (previous,) else ", ".join(step.sources)
        sizes = by((step.before.h, step.before.w)), by((step.after.h, step.after.w))
        yield (step.name, step.op, sources, *sizes, *_window(step.window), *_reach(step.reach))
        previous = step.name


def _window(window: Window | None) -> Row:
    if window is None:
        return ("", "", "", "")
    pads = [f"{a}+{b}" if a != b else f"{a}" for a, b in zip(window.before, window.after, strict=True)]
    padding = pads[0] if pads[0] == pads[1] else "x".join(f"({pad})" if "+" in pad else pad for pad in pads)
    return (*(by(pair) for pair in (window.kernel, window.stride, window.dilation)), padding)


def _reach(reach: Reach) -> Row:
    if reach.status == "unknown":
        return ("?", "?", "?")
    start = by((f"{reach.h.centre():g}", f"{reach.w.centre():g}"))
    return (by(reach.stride), range_of(reach) + MARKS[reach.status], start)


def _legend(rows: list[Row]) -> list[str]:
    """The legend of the letters, and of the signs that occur."""
    numbers = " ".join(cell for row in rows[1:] for cell in row[len(LEFT) :])
    fields = " ".join(row[HEADER.index("r")] for row in rows[1:])
    return [LETTERS, *(line for sign, line in SIGNS.items() if sign in (numbers if sign == "x" else fields))]


def _without_empty(rows: list[Row]) -> list[Row]:
    """The table without the column `from` if every layer follows the one before it."""
    at = HEADER.index("from")
    return rows if any(row[at] for row in rows[1:]) else [row[:at] + row[at + 1 :] for row in rows]


def _step(step: Step) -> dict[str, Any]:
    window, reach = step.window, step.reach
    return {
        "name": step.name,
        "op": step.op,
        "from": list(step.sources),
        "n_in": [step.before.h, step.before.w],
        "n_out": [step.after.h, step.after.w],
        "kernel": _numbers(window.kernel) if window else None,
        "stride": _numbers(window.stride) if window else None,
        "dilation": _numbers(window.dilation) if window else None,
        "padding_before": _numbers(window.before) if window else None,
        "padding_after": _numbers(window.after) if window else None,
        "effective_stride": _numbers(reach.stride),
        "receptive_field": field_of(reach),
        "receptive_field_least": list(reach.least),
        "receptive_field_status": reach.status,
        "start": [reach.h.centre(), reach.w.centre()],
    }


def _numbers(pair: Pair) -> list[int | float]:
    return [number(value) for value in pair]
