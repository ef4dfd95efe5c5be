"""A report as an HTML fragment: what a notebook shows for a checked network."""

from __future__ import annotations

from html import escape

from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import render_diagnostic
from archbuilder.reporting.text import HEADER, LEFT, layer_rows, totals


def render(report: Report) -> str:
    """A heading, the table of layers, totals, limits and diagnostics."""
    parts = [f"<p><b>{escape(report.name)}</b> ({escape(report.file)}): {'ok' if report.ok else 'not ok'}</p>"]
    if report.facts:
        rows = [_line("th", HEADER), *(_line("td", row) for row in layer_rows(report.facts))]
        parts.append(f"<table>{''.join(rows)}</table>")
        parts.append(_block("\n".join(totals(report.facts))))
    for measured in report.limits:
        limit, mark = measured.limit, "✓" if measured.ok else "✗"
        parts.append(f"<div>{mark} {escape(f'{limit.name} {limit.text}')}: {measured.words}</div>")
    if report.rules:
        from archbuilder.reporting.rules import lines

        parts.append(_block("\n".join(lines(report.rules, ignored=report.ignored))))
    if report.goals:
        from archbuilder.reporting import goals

        parts.append(_block("\n".join(goals.lines(report))))
    for d in report.diagnostics:
        parts.append(_block(render_diagnostic(d, report.source_of(d), checked=report.file)))
    return "<div>" + "".join(parts) + "</div>"


def _block(text: str) -> str:
    """Text in columns; some notebooks give <pre> a proportional font."""
    return f'<pre style="font-family:monospace">{escape(text)}</pre>'


def _line(tag: str, cells: tuple[str, ...]) -> str:
    aligned = zip(HEADER, cells, strict=True)
    return (
        "<tr>"
        + "".join(f'<{tag} style="text-align:{_side(title)}">{escape(cell)}</{tag}>' for title, cell in aligned)
        + "</tr>"
    )


def _side(title: str) -> str:
    return "left" if title in LEFT else "right"
