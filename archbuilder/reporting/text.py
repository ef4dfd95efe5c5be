"""Reports as text for people: the table of layers, totals, limits, diagnostics with their excerpts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.analysis.memory import BYTES, DTYPE
from archbuilder.analysis.unread import Unread, unread
from archbuilder.analysis.view import looks_at_all, views
from archbuilder.diagnostics import Diagnostic
from archbuilder.ir.graph import INPUT
from archbuilder.ir.op import by
from archbuilder.ir.reach import Reach
from archbuilder.pipeline import Report
from archbuilder.reporting.style import PLAIN, Style

HEADER = ("line", "layer", "block", "op", "output", "params", "MACs", "RF", "stride")
MEMORY = ("live", "kept")  # columns of the table of ops: bytes while it runs, and those it adds for backward
LEFT = {"layer", "block", "op"}  # text columns; the others are numbers, aligned to the right
MAX_EXCERPT = 160
MARKS = {"exact": "", "whole input": "*", "upper bound": "<", "unknown": "?"}  # behind a receptive field


def render(report: Report, style: Style = PLAIN, table: bool = True, per_op: bool = False) -> str:
    """The whole report of one file, with or without the table of layers."""
    parts = []
    if report.facts:
        parts.append(f"{style.bold(report.file)}: {report.name}")
        if table:
            parts += ["", *layer_table(report.facts, style, per_op), ""]
        parts += [*totals(report.facts), *(memory(report.facts) if per_op else ()), *_limits(report, style)]
        if report.rules:
            from archbuilder.reporting.rules import lines  # only where a pack is asked for

            parts += lines(report.rules, style)
    if report.diagnostics:
        parts += [""] * bool(parts) + [render_diagnostic(d, report.source_of(d), style) for d in report.diagnostics]
    return "\n".join(parts)


def layer_table(facts: Facts, style: Style = PLAIN, per_op: bool = False) -> list[str]:
    """The rows of `layer_rows` as lines, under a header."""
    header = HEADER + MEMORY * per_op
    lines = columns([header, *layer_rows(facts, per_op)], LEFT)
    return [style.bold(lines[0]), *lines[1:]]


def columns(rows: Sequence[tuple[str, ...]], left: Collection[str]) -> list[str]:
    """Rows under their header, in columns; those whose title is in `left` are words, the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if title in left else cell.rjust(width)
            for cell, width, title in zip(row, widths, rows[0], strict=True)
        ).rstrip()
        for row in rows
    ]


def layer_rows(facts: Facts, per_op: bool = False) -> list[tuple[str, ...]]:
    """The cells of the table: a row per block (its conv, norm, activation together), or per op, with its memory."""
    if per_op:
        return [_row([layer]) + size for layer, size in zip(facts.layers, _memory_cells(facts), strict=True)]
    return [_row(list(group)) for _, group in groupby(facts.layers, _written_together)]


def _written_together(layer: Layer) -> tuple[str, int]:
    return layer.node.name.rpartition(".")[0], id(layer.node.place)


def _row(layers: list[Layer]) -> tuple[str, ...]:
    first, last = layers[0].node, layers[-1].node
    params, macs = sum(layer.params for layer in layers), sum(layer.macs for layer in layers)
    reach = layers[-1].reach
    return (
        str(first.span.line),
        first.name if len(layers) == 1 else first.name.rpartition(".")[0],
        first.block,
        ", ".join(layer.node.op.describe() + (f" ({layer.node.note})" if layer.node.note else "") for layer in layers),
        str(last.shape),
        f"{params:,}" if params else "",
        human(macs) if macs else "",
        range_of(reach) + MARKS[reach.status],
        by(reach.stride),
    )


def range_of(reach: Reach) -> str:
    """The field, or from that of the shortest path to that of the longest: 9-29.  Nothing for an unknown one."""
    if reach.status == "unknown":
        return ""
    least = reach.least
    return by(reach.size) if least == reach.size else f"{by(least)}-{by(reach.size)}"


def _memory_cells(facts: Facts) -> list[tuple[str, str]]:
    found = facts.memory
    size = BYTES[DTYPE]
    added = (scalars * size + fixed for scalars, fixed in zip(found.kept, found.kept_bytes, strict=True))
    return [(size_of(live * size), size_of(kept)) for live, kept in zip(found.live, added, strict=True)]


def totals(facts: Facts) -> Iterator[str]:
    """The totals of a network."""
    frozen = f" ({facts.frozen_params:,} of them frozen)" if facts.frozen_params else ""
    yield f"parameters       {facts.params:,}{frozen}, and {facts.buffers:,} buffer values"
    yield f"MACs             {facts.macs:,} ({human(facts.macs)}) for one image"
    yield from field_lines(facts)


def field_lines(facts: Facts) -> Iterator[str]:
    """The receptive field, and what there is to say about it."""
    gap = facts.field_with_gap
    if facts.field.status == "unknown":
        yield "receptive field  unknown"
        return
    if gap == facts.field:
        yield f"receptive field  {by(gap.size)} ({gap.status})"
    else:
        end = " (*: the whole input)" if gap.status == "whole input" else ""
        with_gap = f"{by(gap.size)}{MARKS[gap.status]} with it{end}"
        yield f"receptive field  {by(facts.field.size)} before the global pool ({facts.field.status}), {with_gap}"
    for line in field_notes(facts):
        yield f"{'':16} {line}"


def field_notes(facts: Facts) -> Iterator[str]:
    """What the field alone does not tell: its range, how much of it is image, what no unit sees."""
    h, w = views(facts)
    image = f"{h.side}x{w.side} image"
    if facts.field.least != facts.field.size:
        yield f"{by(facts.field.least)} by the shortest path"
    if looks_at_all(facts):
        yield f"{by(facts.field.size)} without the norms and gates that look at the whole map"
    sees = f"all of the {image}" if h.covers and w.covers else f"{h.inside}x{w.inside} of the {image}"
    at_most = "at most " if facts.field.status == "upper bound" else ""
    yield f"the middle unit sees {at_most}{sees}, {_offset(h.offset, w.offset)}"
    lost = [_lost(found, word) for found, word in zip(unread(facts), ("row", "column"), strict=True) if found.pixels]
    if lost:
        yield f"no unit sees {' and '.join(lost)} of the image: strides leave them over"


def _lost(found: Unread, word: str) -> str:
    count = f"{found.pixels} {word}{'s' * (found.pixels > 1)}"
    return f"the last {count}" if found.pixels == found.end else count


def _offset(rows: float, columns: float) -> str:
    if rows == columns == 0:
        return "centred on its middle"
    how = f"{rows:+g} pixels" if rows == columns else f"{rows:+g} rows and {columns:+g} columns"
    return f"centred {how} off its middle"


def memory(facts: Facts) -> Iterator[str]:
    """The memory of one image, with what is assumed."""
    found, size = facts.memory, BYTES[DTYPE]
    live = " + ".join(f"{name} {size_of(scalars * size)}" for name, scalars in found.tensors)
    at = facts.layers[found.peak].node.name if facts.layers else INPUT
    yield f"inference        {size_of(found.peak_bytes())} at the peak ({DTYPE}, one image), in {at}: {live}"
    yield f"training         {size_of(found.training_bytes())} kept for backward ({DTYPE}, one image)"
    yield "weights          " + ", ".join(f"{size_of(facts.weight_bytes(dtype))} in {dtype}" for dtype in BYTES)
    yield f"{'':16} lower bounds: norms and activations in place in inference, not in training; no workspaces"


def size_of(number: int) -> str:
    """Bytes in the unit that suits: 512 B, 1.5 KiB, 3.2 MiB."""
    for suffix, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.1f} {suffix}"
    return f"{number} B"


def _limits(report: Report, style: Style) -> Iterator[str]:
    for number, measured in enumerate(report.limits):
        limit = measured.limit
        left = f"{measured.left:,} left" if measured.ok else f"missed by {-measured.left:,}"
        verdict = style.green("ok") if measured.ok else style.red("MISSED")
        title = "" if number else "limits"
        yield f"{title:16} {limit.name} {limit.text}: {measured.value:,}{measured.unit}, {left}  {verdict}"


def human(number: int) -> str:
    """1,234 -> 1.2k, 12,345,678 -> 12.3M."""
    for suffix, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.1f}{suffix}"
    return str(number)


def render_diagnostic(d: Diagnostic, text: str = "", style: Style = PLAIN) -> str:
    """place: code message, the line with the place marked, and the remedy."""
    paint = style.red if d.severity == "error" else style.yellow
    label = "" if d.severity == "error" else "warning: "
    lines = [f"{style.bold(str(d.span))}: {paint(d.code.id)} {label}{printable(d.message)}"]
    lines += _excerpt(d, _lines(text), paint) if text else []
    if d.hint:
        lines.append(f"  {style.bold('hint:')} {printable(d.hint)}")
    return "\n".join(lines)


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    return text.splitlines()  # once for all findings of a file


def _excerpt(d: Diagnostic, source: Sequence[str], paint: Callable[[str], str]) -> Iterator[str]:
    """The line of the finding and the one before it, with carets under the place."""
    span = d.span
    if not 1 <= span.line <= len(source):
        return
    width = len(str(span.line))
    before = source[span.line - 2] if span.line > 1 else ""
    if before.strip():
        yield f"  {span.line - 1:{width}} | {printable(before[:MAX_EXCERPT])}"
    line = printable(source[span.line - 1][:MAX_EXCERPT])
    yield f"  {span.line:{width}} | {line}"
    if span.column <= len(line) + 1:
        end = span.end_column if span.end_line == span.line else len(line) + 1
        carets = "^" * max(1, min(end, len(line) + 1) - span.column)
        yield f"  {'':{width}} | {' ' * (span.column - 1)}{paint(carets)}"


def printable(text: str) -> str:
    """Control and bidirectional characters made visible: a file must not steer the terminal."""
    return "".join(c if c.isprintable() else " " if c == "\t" else f"\\u{ord(c):04x}" for c in text)


def summary(reports: Sequence[Report], style: Style = PLAIN) -> str:
    """The last line of a check over files."""
    found = [d for report in reports for d in report.diagnostics]
    errors = sum(d.severity == "error" for d in found)
    files = f"{len(reports)} file{'s' * (len(reports) != 1)}"
    if not found:
        return style.green(f"{files} checked, no problems")
    warnings = len(found) - errors
    counts = [f"{n} {word}{'s' * (n != 1)}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return (style.red if errors else style.yellow)(f"{files} checked, {' and '.join(counts)}")
