"""The receptive field in words."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.coverage import looks_at_all, views
from archbuilder.analysis.facts import Facts
from archbuilder.analysis.visible_pixels import Unread, unread
from archbuilder.ir.op import by
from archbuilder.ir.reach import Reach

MARKS = {"exact": "", "whole input": "*", "upper bound": "<", "unknown": "?"}  # printed after a receptive field


def field_of(reach: Reach) -> str:
    """The field with its mark: 13, 3x5, 29*; the mark alone for an unknown one."""
    return (by(reach.size) if reach.status != "unknown" else "") + MARKS[reach.status]


def range_of(reach: Reach) -> str:
    """The field, or from that of the shortest path to that of the longest: 9-29.  Nothing for an unknown one."""
    if reach.status == "unknown":
        return ""
    least = reach.least
    return by(reach.size) if least == reach.size else f"{by(least)}-{by(reach.size)}"


def field_lines(facts: Facts) -> Iterator[str]:
    """The receptive field, with notes about it."""
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
    for line in _notes(facts):
        yield f"{'':16} {line}"


def _notes(facts: Facts) -> Iterator[str]:
    """Notes on the field: its range over paths, how much of the image it covers, pixels that no unit sees."""
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
        yield f"no unit sees {' and '.join(lost)} of the image: strides skip them"


def _lost(found: Unread, word: str) -> str:
    count = f"{found.pixels} {word}{'s' * (found.pixels > 1)}"
    return f"the last {count}" if found.pixels == found.end else count


def _offset(rows: float, columns: float) -> str:
    if rows == columns == 0:
        return "centred on its middle"
    how = f"{rows:+g} pixels" if rows == columns else f"{rows:+g} rows and {columns:+g} columns"
    return f"centred {how} off its middle"
