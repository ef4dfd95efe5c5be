"""The check of a text: findings, numbers, budgets, the field, memory over time, the drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archbuilder.analysis.coverage import middle_unit, views
from archbuilder.analysis.facts import Facts, Layer
from archbuilder.analysis.lifetimes import lifetimes
from archbuilder.analysis.memory import BYTES, DTYPE
from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.ir.reach import Axis, Reach
from archbuilder.live.answers.drawing import drawn
from archbuilder.live.answers.question import Answer, Question
from archbuilder.live.editing.buffer import Good
from archbuilder.live.editing.hover import hints
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable, said
from archbuilder.reporting.field import field_lines
from archbuilder.reporting.json import field_of, number
from archbuilder.reporting.text import HEADER, groups, layer_rows, problems
from archbuilder.rules.limits import QUANTITIES, value_of
from archbuilder.spec.limits import Limit

Groups = Sequence[Sequence[Layer]]  # the layers of each row

COSTLIEST = 3
MAX_LAYERS = 3_000  # largest network whose memory is shown layer by layer


def check(question: Question) -> Answer:
    """Everything that is updated at every key press."""
    report = question.check()
    facts = report.facts
    together = groups(facts) if facts else []
    rows = _rows(question, facts, together) if facts else []
    lines = _field_lines(facts) if facts else []
    return {
        "name": report.name,
        "ok": report.ok,
        "analysed": facts is not None,
        "summary": problems(report),
        "diagnostics": [_diagnostic(question, report, d) for d in report.diagnostics],
        "hints": [{"line": line + 1, "text": text} for line, text in _hints(question, report)],
        "totals": _totals(facts, lines) if facts else None,
        "rows": rows,
        "budgets": list(_budgets(question, report)),
        "field": _field(facts, together, rows, lines) if facts else None,
        **_memory(facts, together, rows),
        **drawn(question, report),
    }


def drawing(question: Question) -> Answer:
    """Only the drawing, after something was folded or unfolded."""
    return drawn(question, question.report())


# ---- findings ----


def _diagnostic(question: Question, report: Report, d: Diagnostic) -> Answer:
    buffer = question.buffer
    start, end = buffer.place_of(d)
    return {
        "code": d.code.id,
        "severity": d.severity,
        "title": d.code.title,
        "message": printable(said(d, "")),
        "hint": printable(d.hint),
        "file": question.shown(d.span.file),
        "line": d.span.line,
        "column": d.span.column,
        "from": buffer.units(start),
        "to": buffer.units(end),
        "elsewhere": not buffer.has(d),
        "quick": buffer.has(d) and (d.remedy is not None or d.code.verdict),
    }


def _hints(question: Question, report: Report) -> Iterator[tuple[int, str]]:
    """The numbers at the ends of lines; while the text has errors, the last numbers for the lines that still exist."""
    good = Good(question.buffer, report) if report.facts else question.good
    return iter(hints(good, question.buffer)) if good else iter(())


def _place(question: Question, span: Span) -> dict[str, int | None]:
    """The offsets of a span; null if it is not in the text."""
    buffer = question.buffer
    if span.file != buffer.name or not span.line:
        return {"from": None, "to": None}
    start, end = buffer.stretch(span)
    return {"from": buffer.units(start), "to": buffer.units(end)}


# ---- numbers ----


def _totals(facts: Facts, lines: list[str]) -> Answer:
    graph, memory = facts.graph, facts.memory
    return {
        "params": facts.params,
        "frozen_params": facts.frozen_params,
        "buffers": facts.buffers,
        "macs": facts.macs,
        "layers": len(facts.layers),
        "input": list(graph.input.dims),
        "output": list(graph.shape(graph.output).dims),
        "classes": graph.classes,
        "receptive_field": field_of(facts.field),
        "receptive_field_with_gap": field_of(facts.field_with_gap),
        "status": facts.field.status,
        "peak_bytes": memory.peak_bytes(),
        "training_bytes": memory.training_bytes(),
        "weight_bytes": facts.weight_bytes(),
        "field_lines": lines,
    }


def _field_lines(facts: Facts) -> list[str]:
    return [line.removeprefix("receptive field").strip() for line in field_lines(facts)]


def _rows(question: Question, facts: Facts, together: Groups) -> list[Answer]:
    """The rows of the table that a check prints, with their places and shares."""
    rows = [
        _row(question, facts, number, layers, dict(zip(HEADER, cells, strict=True)))
        for number, (layers, cells) in enumerate(zip(together, layer_rows(facts), strict=True))
    ]
    most = sorted(rows, key=lambda row: -max(row["params_share"], row["macs_share"]))[:COSTLIEST]
    for row in most:
        row["costly"] = max(row["params_share"], row["macs_share"]) > 0
    return rows


def _row(question: Question, facts: Facts, number_: int, layers: Sequence[Layer], cells: dict[str, str]) -> Answer:
    last = layers[-1]
    params, macs = sum(layer.params for layer in layers), sum(layer.macs for layer in layers)
    span = layers[0].node.span
    return {
        "id": number_,
        "line": span.line if span.file == question.buffer.name else 0,
        "name": cells["layer"],
        "block": cells["block"],
        "op": cells["op"],
        "out": cells["output"],
        "shape": list(last.node.shape.dims),
        "params": params,
        "macs": macs,
        "field": cells["RF"],
        "size": field_of(last.reach),
        "stride": [number(stride) for stride in last.reach.stride],
        "bytes": last.node.shape.elements * BYTES[DTYPE],
        "note": "; ".join(layer.node.note for layer in layers if layer.node.note),
        **_place(question, span),
        "params_share": params / max(facts.params, 1),
        "macs_share": macs / max(facts.macs, 1),
        "costly": False,
    }


# ---- budgets ----


def _budgets(question: Question, report: Report) -> Iterator[Answer]:
    """Limits, rules and goals, each with the used share of its budget; a goal is open until there is a run."""
    ignored = {d.span for d in report.ignored}
    for measured in report.limits:
        limit = measured.limit
        yield {
            **_budget(question, "limit", "limits", limit.name, limit.span, measured.ok),
            **_bound(limit, measured.value),
            "unit": measured.unit.strip(),
            "words": measured.words,
            "ignored": limit.span in ignored,
        }
    for verdict in report.rules:
        span = verdict.findings[0].span if verdict.findings else Span("")
        of = verdict.bound
        yield {
            **_budget(question, "rule", verdict.pack, verdict.rule, span, verdict.ok),
            **(_bound(of, value_of(of, report.facts)) if of and of.name in QUANTITIES and report.facts else {}),
            "words": printable(verdict.message),
            "ignored": not verdict.ok and all(finding in report.ignored for finding in verdict.findings),
            "by": [{"name": each.name, "line": each.line} for each in verdict.by],
        }
    for standing in report.goals:
        goal = standing.goal
        group = f"goals {standing.pack}".rstrip()
        yield {
            **_budget(question, "goal", group, goal.of, standing.place, standing.ok),
            "bound": goal.bound.text,
            "words": f"{goal.over.words}, {standing.state}",
            "open": standing.state == "after training",
        }


def _budget(question: Question, kind: str, group: str, name: str, span: Span, ok: bool) -> Answer:
    return {
        "kind": kind,
        "group": group,
        "name": name,
        "bound": "",
        "value": None,
        "share": None,
        "direction": "",
        "left": None,
        "unit": "",
        "words": "",
        "ok": ok,
        "ignored": False,
        "open": False,
        "line": span.line if span.file == question.buffer.name else 0,
        **_place(question, span),
        "by": [],
    }


def _bound(limit: Limit, value: int | None) -> Answer:
    """A value and its bound; `share` is value / bound."""
    return {
        "bound": limit.text or f"{limit.relation} {limit.bound:,}",
        "value": value,
        "share": None if value is None else value / max(limit.bound, 1),
        "direction": limit.relation[0],
        "left": None if value is None else limit.left(value),
    }


# ---- the field on the image ----


def _field(facts: Facts, together: Groups, rows: Sequence[Answer], lines: list[str]) -> Answer:
    """The field of the middle unit of each row's map, and the part of the image that the map before the global pool
    sees."""
    x = facts.graph.input
    steps = [_step(facts, row, layers[-1]) for row, layers in zip(rows, together, strict=True)]
    value = {layer.node.name: number for number, layers in enumerate(together) for layer in layers}
    known = facts.field.status != "unknown"
    touched = [[view.first, view.last] for view in views(facts)] if known else None
    return {
        "input": [x.h, x.w],
        "steps": steps,
        "last": value.get(facts.value, -1),
        "notes": lines[1:],
        "touched": {"rows": touched[0], "columns": touched[1]} if touched else None,
    }


def _step(facts: Facts, row: Answer, layer: Layer) -> Answer:
    """For each axis: size and stride of the field, the start of unit 0, and the pixels that the middle unit sees."""
    x, out, reach = facts.graph.input, layer.node.shape, layer.reach
    units = (1, 1) if out.flat else (out.h, out.w)
    return {
        "row": row["id"],
        "name": layer.node.name,
        "line": row["line"],
        "status": reach.status,
        "units": list(units),
        **(_seen(reach, (x.h, x.w), units) if reach.status != "unknown" else {"size": None}),
    }


def _seen(reach: Reach, sides: tuple[int, int], units: tuple[int, int]) -> Answer:
    h = _middle(reach.h, sides[0], units[0])
    alike = (reach.h, sides[0], units[0]) == (reach.w, sides[1], units[1])
    w = h if alike else _middle(reach.w, sides[1], units[1])
    return {
        "size": list(reach.size),
        "least": list(reach.least),
        "jump": [h[0], w[0]],
        "start": [h[1], w[1]],
        "unit": [h[2], w[2]],
        "first": [h[3], w[3]],
        "last": [h[4], w[4]],
    }


def _middle(axis: Axis, side: int, units: int) -> tuple[int | float, ...]:
    """For an axis: the stride, the start of unit 0, the middle unit, and the first and last pixel that it sees."""
    unit = middle_unit(axis, side, units)
    first = axis.stride * unit
    return number(axis.stride), number(axis.lo), unit, number(first + axis.lo), number(first + axis.hi)


# ---- memory over time ----


def _memory(facts: Facts | None, together: Groups, rows: Sequence[Answer]) -> Answer:
    if facts is None:
        return {"memory": None}
    if len(facts.layers) > MAX_LAYERS:
        note = f"{len(facts.layers):,} layers are too many to show the memory of each: {MAX_LAYERS:,} at most"
        return {"memory": None, "memory_note": note}
    found, size = facts.memory, BYTES[DTYPE]
    of_layer = [row for row, layers in zip(rows, together, strict=True) for _ in layers]
    layers = [
        {"name": layer.node.name, "row": row["id"], "line": row["line"], "live": live * size, "kept": kept}
        for layer, row, live, kept in zip(facts.layers, of_layer, found.live, found.kept_by_layer(), strict=True)
    ]
    tensors = [
        {"name": each.name, "bytes": each.scalars * size, "from": each.first, "to": each.last}
        for each in lifetimes(facts.graph)
    ]
    memory = {
        "layers": layers,
        "tensors": tensors,
        "peak": found.peak,
        "peak_bytes": found.peak_bytes(),
        "training_bytes": found.training_bytes(),
        "dtype": DTYPE,
    }
    return {"memory": memory}
