"""Edits inside a YAML anchor also change every place where an alias repeats it; their titles must say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from archbuilder.document.parser import events
from archbuilder.remedies.edits import Patch, Source

SHOWN = 5  # lines in a title


@dataclass
class Anchor:
    """A named part of a text, and the offsets of the aliases that repeat it."""

    name: str
    start: int
    end: int
    aliases: list[int] = field(default_factory=list)


def anchors_of(source: Source) -> list[Anchor]:
    """Every anchor of a text; a name that is defined twice makes two anchors."""
    if "&" not in source.text:
        return []
    found: list[Anchor] = []
    named: dict[str, Anchor] = {}
    open_: list[Anchor | None] = []
    for event in events(source.text):
        start, end = (source.offset(mark.line + 1, mark.column + 1) for mark in (event.start_mark, event.end_mark))
        kind = type(event).__name__
        anchor = getattr(event, "anchor", None)
        if kind == "AliasEvent":
            if anchor in named:
                named[anchor].aliases.append(start)
            continue
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            closed = open_.pop()
            if closed:
                closed.end = end
            continue
        made = Anchor(anchor, start, end) if anchor else None
        if made:
            found.append(made)
            named[made.name] = made
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            open_.append(made)
    return found


def elsewhere(source: Source, anchors: Iterable[Anchor], patches: Iterable[Patch]) -> str:
    """A suffix for the title of an edit that also changes other places; empty if it does not."""
    anchors = list(anchors)
    waiting, seen, lines = [patch.start for patch in patches], set[int](), dict[str, set[int]]()
    while waiting:
        offset = waiting.pop()
        for anchor in anchors:
            if anchor.start <= offset < max(anchor.end, anchor.start + 1):
                for alias in anchor.aliases:
                    lines.setdefault(anchor.name, set()).add(source.span(alias, alias).line)
                    if alias not in seen:  # an alias may be inside another anchor
                        seen.add(alias)
                        waiting.append(alias)
    return "".join(f", and by &{name} on {_listed(sorted(found))}" for name, found in lines.items())


def _listed(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:SHOWN])) + (f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else "")
    return f"line{'s' * (len(lines) > 1)} {shown}"
