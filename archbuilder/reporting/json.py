"""Reports as one JSON object, version 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from textwrap import indent
from typing import Any

from archbuilder import remedy
from archbuilder.analysis.coverage import views, whole
from archbuilder.analysis.facts import Facts, Layer
from archbuilder.analysis.memory import BYTES, DTYPE
from archbuilder.analysis.visible_pixels import unread
from archbuilder.diagnostics import Diagnostic
from archbuilder.ir.graph import INPUT
from archbuilder.ir.reach import Pixels, Reach
from archbuilder.pipeline import Report
from archbuilder.rules.limits import Measured

VERSION = 1  # in this version a place without a line (a whole file, an option) has line 1


def render(reports: Iterable[Report]) -> str:
    """All reports of a check."""
    return "".join(pieces(reports))


def pieces(reports: Iterable[Report], more: Callable[[Report], dict[str, Any]] = lambda _: {}) -> Iterator[str]:
    """The same text, report by report; `more` gives further fields of a report."""
    yield f'{{\n  "version": {VERSION},\n  "files": ['
    between = ""
    for report in reports:
        yield f"{between}\n    {_file(to_dict(report) | more(report))}"
        between = ","
    yield "\n  ]\n}" if between else "]\n}"


def _file(found: dict[str, Any]) -> str:
    """A report with one line for each layer and finding.

    Python's encoder writes a line in C; with an indent it works in Python and takes five times as long for 10,000
    layers.
    """
    fields = (
        f'\n      "{name}": {_items(value) if isinstance(value, list) else _nested(value)}'
        for name, value in found.items()
    )
    return f"{{{','.join(fields)}\n    }}"


def _items(values: list[Any]) -> str:
    lines = (f"\n        {dumps(value, indent=None)}" for value in values)
    return f"[{','.join(lines)}\n      ]" if values else "[]"


def _nested(value: Any) -> str:
    return indent(dumps(value), " " * 6).lstrip()


def dumps(value: Any, indent: int | None = 2) -> str:
    """Plain data as JSON text. JSON has no NaN and infinity (as in a run that diverged): they become null."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def to_dict(report: Report) -> dict[str, Any]:
    """One report as plain data; totals are None if the file cannot be analysed."""
    return {
        "file": report.file,
        "name": report.name,
        "run": _run(report),
        "ok": report.ok,
        "totals": _totals(report.facts) if report.facts else None,
        "limits": [_limit(measured) for measured in report.limits],
        "rules": _rules(report),
        "space": _space(report),
        "goals": _goals(report),
        "fulfilled": _fulfilled(report),
        "layers": [_layer(layer) for layer in report.facts.layers] if report.facts else [],
        "diagnostics": [_diagnostic(d) for d in report.diagnostics],
        "remedies": [remedy.to_dict(d.remedy) if d.remedy else None for d in report.diagnostics],  # in the same order
    }


def _run(report: Report) -> dict[str, Any] | None:
    """The run that a file was trained in; None for any other file."""
    opened = report.opened
    return {"folder": str(opened.run), "overrides": list(opened.overrides)} if opened and opened.run else None


def _rules(report: Report) -> list[dict[str, Any]]:
    if not report.rules:
        return []
    from archbuilder.reporting.rules import to_dict  # only where a pack is required

    return [to_dict(verdict) for verdict in report.rules]


def _space(report: Report) -> dict[str, Any] | None:
    """The choices of a file and the number of networks (None if infinite); None for a file without a space."""
    if report.spec is None or report.spec.space is None:
        return None
    space = report.spec.space
    return {"size": space.size, "choices": {choice.path: choice.count for choice in space.choices}}


def _goals(report: Report) -> list[dict[str, Any]]:
    if not report.goals:
        return []
    from archbuilder.reporting.goals import to_dict  # only where there are some

    return [to_dict(standing) for standing in report.goals]


def _fulfilled(report: Report) -> bool | None:
    """Whether the assignment of a run is fulfilled; None for a file, and while that is open."""
    if report.run is None or not (report.goals or report.rules):
        return None
    from archbuilder.reporting import goals

    if not goals.is_judged(report):
        return None
    return {goals.FULFILLED: True, goals.NOT: False}.get(goals.state(report))


def _totals(facts: Facts) -> dict[str, Any]:
    return {
        "params": facts.params,
        "frozen_params": facts.frozen_params,
        "macs": facts.macs,
        "receptive_field": field_of(facts.field),
        "receptive_field_with_gap": field_of(facts.field_with_gap),
        "receptive_field_status": facts.field.status,
        "field": field_to_dict(facts),
        "memory": _memory(facts),
    }


def field_of(reach: Reach) -> list[int] | None:
    """A field as [height, width]; None where it is not known."""
    return list(reach.size) if reach.status != "unknown" else None


def field_to_dict(facts: Facts) -> dict[str, Any] | None:
    """Details of the field before the global pool, None if it is not known; every pair is [height, width]."""
    if facts.field.status == "unknown":
        return None
    reach, found = facts.field, views(facts)
    with_gates = whole(facts)
    return {
        "least": list(reach.least),
        "whole": list(with_gates) if with_gates else None,
        "stride": list(map(number, reach.stride)),
        "padding": [number(-reach.h.lo), number(-reach.w.lo)],
        "units": [view.units for view in found],
        "first_centre": [view.first_centre for view in found],
        "middle_unit": [view.unit for view in found],
        "middle_centre": [view.centre for view in found],
        "image_centre": [(view.side - 1) / 2 for view in found],
        "inside": [view.inside for view in found],
        "touched": [view.touched for view in found],
        "covers_image": all(view.covers for view in found),
        "unread": [lost.pixels for lost in unread(facts)],
    }


def _memory(facts: Facts) -> dict[str, Any]:
    """Bytes for one image: lower bounds, as archbuilder.analysis.memory says."""
    found, size = facts.memory, BYTES[DTYPE]
    return {
        "dtype": DTYPE,
        "peak": found.peak_bytes(),
        "peak_layer": facts.layers[found.peak].node.name if facts.layers else INPUT,
        "peak_tensors": [{"name": name, "bytes": scalars * size} for name, scalars in found.tensors],
        "training": found.training_bytes(),
        "weights": {dtype: facts.weight_bytes(dtype) for dtype in BYTES},
        "arena": _arena(facts),
    }


def _arena(facts: Facts) -> dict[str, Any] | None:
    """Bytes of the arena on a microcontroller in int8; None where a layer has no kernel."""
    from archbuilder.device.arena import arena

    found = arena(facts.graph)
    if found is None:
        return None
    operator, placed = found.peak
    tensors = [{"name": each.buffer.name, "offset": each.offset, "bytes": each.buffer.size} for each in placed]
    return {
        "dtype": found.program.dtype,
        "head": found.head,
        "head_by_runtime": found.greedy,
        "bound": found.bound,
        "total": list(found.total),
        "peak_layer": operator.node.name if operator else INPUT,
        "peak_tensors": tensors,
        "kernels": list(found.program.kernels),
    }


def number(value: Pixels) -> int | float:
    return int(value) if value == int(value) else float(value)


def _limit(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.limit.name,
        "limit": measured.limit.text,
        "value": measured.value,
        "ok": measured.ok,
        "left": measured.left,
        "line": measured.limit.span.line or 1,
    }


def _layer(layer: Layer) -> dict[str, Any]:
    node = layer.node
    return {
        "name": node.name,
        "block": node.block,
        "op": node.op.describe(),
        "out": [node.shape.c, node.shape.h, node.shape.w],
        "params": layer.params,
        "macs": layer.macs,
        "receptive_field": field_of(layer.reach),
        "receptive_field_status": layer.reach.status,
        "stride": list(map(number, layer.reach.stride)),
        "line": node.span.line or 1,
    }


def _diagnostic(d: Diagnostic) -> dict[str, Any]:
    return {
        "code": d.code.id,
        "severity": d.severity,
        "message": d.message,
        "file": d.span.file,  # the base of an `extends` may be where it stands
        "line": d.span.line or 1,
        "column": d.span.column or 1,
        "end_line": d.span.end_line or 1,
        "end_column": d.span.end_column or 1,
        "hint": d.hint,
    }
