"""What each block makes, at the end of its line."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from archbuilder.lsp.buffer import Buffer
from archbuilder.lsp.files import Good, moved
from archbuilder.lsp.measures import Measure, label, measures


def hints(good: Good, now: Buffer, first: int, last: int) -> Iterator[types.InlayHint]:
    """The hints from one line to another (from 0).

    Where the text cannot be analysed as it is now, the last numbers stay with the lines that are still there."""
    place = moved(good.buffer, now)
    lines: dict[int, list[Measure]] = {}
    for measure in measures(good.report).values():
        if measure.inside != measure.span.line:  # a block on the line of the one around it is part of that
            lines.setdefault(measure.span.line - 1, []).append(measure)
    for line, found in sorted(lines.items()):
        here = place(line)
        if here is not None and first <= here <= last:
            found.sort(key=lambda measure: measure.span.column)
            yield types.InlayHint(now.end(here), label(found), padding_left=True)
