"""What an editor shows for a block: its numbers at the end of its line, its manual on hover."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.ir.op import by
from archbuilder.live.editing.buffer import Buffer, Good, moved
from archbuilder.live.editing.measures import Measure, facts_of, label, measures
from archbuilder.live.editing.places import Found, find
from archbuilder.live.editing.vocabulary import language
from archbuilder.pipeline import Report
from archbuilder.reporting.field import field_of
from archbuilder.reporting.text import HEADER, human, layer_rows
from archbuilder.schema.expressions import ExpressionError, evaluate


def hints(good: Good, now: Buffer) -> Iterator[tuple[int, str]]:
    """The hints at the ends of lines: line numbers from 0, each with a text.

    If the current text cannot be analysed, the last numbers are kept for the lines that still exist."""
    place = moved(good.buffer, now)
    lines: dict[int, list[Measure]] = {}
    for measure in measures(good.report).values():
        if measure.inside != measure.span.line:  # a block on the same line as its parent is part of the parent's hint
            lines.setdefault(measure.span.line - 1, []).append(measure)
    for line, found in sorted(lines.items()):
        here = place(line)
        if here is not None:
            found.sort(key=lambda measure: measure.span.column)
            yield here, label(found)


MAX_ROWS = 12  # of a table of layers


def hover(report: Report, line: int, column: int) -> str:
    """The hover text for a place (line and column from 1), in Markdown; empty if there is nothing to show."""
    found = find(report.document.root, report.file, line, column) if report.document else None
    if found is None:
        return ""
    measure = measures(report).get((found.span.line, found.span.column)) if _is_block(found) else None
    parts = [_made(report, measure)] if measure else []
    parts += [
        text for text in (_limit(report, found), _goal(report, found), _value(report, found), _manual(found)) if text
    ]
    return "\n\n---\n\n".join(parts)


def _is_block(found: Found) -> bool:
    """A block's word: the key of an item of a list, or the item itself."""
    return found.path[-2:-1] == (None,) if found.is_key else found.path[-1:] == (None,)


def _manual(found: Found) -> str:
    known = language()
    if found.is_key:
        return known.manual(found.path)
    if isinstance(found.node.value, str) and found.path[-1] is None:
        return known.manual((*found.path, found.node.value))  # a bare block
    return known.manual(found.path)


def _made(report: Report, measure: Measure) -> str:
    """The output of a block: in a sentence, and layer by layer."""
    last = measure.ends[-1]
    facts = facts_of(report, measure)
    stated = [
        f"{measure.params:,} parameters",
        f"{human(measure.macs)} MACs",
        f"receptive field {field_of(last.reach)} ({last.reach.status})",
        f"stride {by(last.reach.stride)}",
    ]
    runs = f", {len(measure.ends)} times" if len(measure.ends) > 1 else ""
    return f"**{measure.word}** makes **{last.node.shape}**{runs}: {', '.join(stated)}\n\n{_table(facts)}"


def _table(facts: Facts) -> str:
    """The layers as a Markdown table, without line numbers and the block's word."""
    chosen = [HEADER.index(title) for title in ("layer", "op", "output", "params", "MACs", "RF")]
    rows = list(layer_rows(facts))
    lines = [HEADER, ("---",) * len(HEADER), *rows[:MAX_ROWS]]
    text = "\n".join("| " + " | ".join(row[i].replace("|", "\\|") for i in chosen) + " |" for row in lines)
    return text + (f"\n\nand {len(rows) - MAX_ROWS} more" if len(rows) > MAX_ROWS else "")


def _limit(report: Report, found: Found) -> str:
    """The value of a limited quantity, and the rest of the budget."""
    if found.path[:1] != ("limits",):
        return ""
    for measured in report.limits:
        if measured.limit.name == found.path[-1]:
            words = measured.words if measured.ok else f"**{measured.words}**"
            return f"{measured.limit.name} {measured.limit.text}: {words}"
    return ""


def _goal(report: Report, found: Found) -> str:
    """A goal in words, and the result of a run."""
    if found.path[:1] != ("goals",):
        return ""
    for standing in report.goals:
        node = standing.goal._node
        places = {standing.place, *(node.keys.values() if node else ())}
        if found.span in places or (node and found.node in node.value.values()):
            return f"{standing.goal.words}: {standing.words or standing.state}"
    return ""


def _value(report: Report, found: Found) -> str:
    """The value of a variable or an expression."""
    text = found.node.value
    names = report.spec.vars if report.spec else {}
    last = found.path[-1]
    if found.path[:-1] == ("vars",) and last is not None and last in names:
        return f"{last} = {names[last]:,}"
    if found.is_key or not isinstance(text, str) or not language().takes_arithmetic(found.path):
        return ""
    try:
        return f"{text} = {evaluate(text, names):,}"
    except ExpressionError:
        return ""
