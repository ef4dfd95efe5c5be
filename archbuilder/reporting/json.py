"""Reports as one JSON object, version 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.diagnostics import Diagnostic
from archbuilder.pipeline import Report
from archbuilder.rules.limits import Measured

VERSION = 1


def render(reports: Sequence[Report]) -> str:
    """All reports of a check."""
    return json.dumps({"version": VERSION, "files": [to_dict(report) for report in reports]}, indent=2, allow_nan=False)


def to_dict(report: Report) -> dict[str, Any]:
    """One report as plain data; totals are None where the file cannot be analysed."""
    return {
        "file": report.file,
        "name": report.name,
        "ok": report.ok,
        "totals": _totals(report.facts) if report.facts else None,
        "limits": [_limit(measured) for measured in report.limits],
        "layers": [_layer(layer) for layer in report.facts.layers] if report.facts else [],
        "diagnostics": [_diagnostic(d) for d in report.diagnostics],
    }


def _totals(facts: Facts) -> dict[str, Any]:
    return {
        "params": facts.params,
        "frozen_params": facts.frozen_params,
        "buffers": facts.buffers,
        "macs": facts.macs,
        "receptive_field": list(facts.field.size),
        "receptive_field_with_gap": list(facts.field_with_gap.size),
        "receptive_field_status": facts.field.status,
    }


def _limit(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.limit.name,
        "limit": measured.limit.text,
        "value": measured.value,
        "ok": measured.ok,
        "left": measured.left,
        "line": measured.limit.span.line,
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
        "receptive_field": list(layer.reach.size),
        "receptive_field_status": layer.reach.status,
        "stride": [int(s) if s == int(s) else float(s) for s in layer.reach.stride],
        "line": node.span.line,
    }


def _diagnostic(d: Diagnostic) -> dict[str, Any]:
    return {
        "code": d.code.id,
        "severity": d.severity,
        "message": d.message,
        "line": d.span.line,
        "column": d.span.column,
        "end_line": d.span.end_line,
        "end_column": d.span.end_column,
        "hint": d.hint,
    }
