"""Hover and completion at one place of a text."""

from __future__ import annotations

from archbuilder.live.answers.question import Answer, Question
from archbuilder.live.editing import completion
from archbuilder.live.editing import hover as hovering
from archbuilder.live.editing.buffer import moved
from archbuilder.live.editing.places import find


def complete(question: Question) -> Answer:
    """The completion at an offset."""
    buffer = question.buffer
    found = completion.complete(buffer.text, buffer.offset_of(question.number("at", 0)))
    return {
        "from": buffer.units(found.start),
        "to": buffer.units(found.end),
        "options": [
            {"label": each.label, "insert": each.text, "kind": each.kind, "info": each.manual}
            for each in found.proposals
        ],
    }


def hover(question: Question) -> Answer:
    """The manual and the numbers of the block or value at an offset, in Markdown; empty if there is nothing to show."""
    buffer, report = question.buffer, question.report()
    offset = buffer.offset_of(question.number("at", 0))
    span = buffer.source.span(offset, offset)
    line, good = span.line, question.good
    if good and not (report.document and report.document.root.is_mapping):  # broken: as it was before
        before = moved(buffer, good.buffer)(line - 1)
        report, line = good.report, 0 if before is None else before + 1
    root = report.document.root if report.document else None
    found = find(root, report.file, line, span.column) if root and line == span.line else None
    start, end = buffer.stretch(found.span) if found else (offset, offset)
    return {
        "markdown": hovering.hover(report, line, span.column),
        "from": buffer.units(start),
        "to": buffer.units(end),
    }
