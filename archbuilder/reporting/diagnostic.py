"""A finding as text for people: its place, its code, what was found, the line with the place marked, the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from archbuilder.diagnostics import Diagnostic
from archbuilder.document.text import LINE_BREAK
from archbuilder.reporting.style import PLAIN, Style

MAX_EXCERPT = 160  # characters of a line that are shown
BEFORE = 100  # of them before the place, where the line is longer


def render_diagnostic(d: Diagnostic, text: str = "", style: Style = PLAIN, checked: str = "") -> str:
    """place: code message, the line of `text` with the place marked, and the remedy.

    `checked` is the file that was checked; a finding in another file (a base, a rule pack) mentions it."""
    lines = [headline(d, style, checked)]
    lines += _excerpt(d, _lines(text), style) if text else []
    if d.hint:
        lines.append(f"  {style.bold('hint:')} {printable(d.hint)}")
    return "\n".join(lines)


def headline(d: Diagnostic, style: Style = PLAIN, checked: str = "") -> str:
    """place: code message"""
    label = "" if d.severity == "error" else "warning: "
    message = printable(said(d, checked))
    return f"{style.bold(printable(str(d.span)))}: {_paint(d, style)(d.code.id)} {label}{message}"


def said(d: Diagnostic, checked: str) -> str:
    """The message, with the file that was checked if the place is in another file."""
    return d.message if checked in ("", d.span.file) or d.span.is_option else f"{d.message} (checked: {checked})"


def _paint(d: Diagnostic, style: Style) -> Callable[[str], str]:
    return style.red if d.severity == "error" else style.yellow


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    return LINE_BREAK.split(text)  # once for all findings of a file


def _excerpt(d: Diagnostic, source: Sequence[str], style: Style) -> Iterator[str]:
    """The line of the finding and the one before it, with carets under the place."""
    span = d.span
    if not 1 <= span.line <= len(source) or not source[span.line - 1]:
        return
    line = source[span.line - 1]
    start = span.column - 1  # from 0, as are these
    end = min(max(span.end_column - 1 if span.end_line == span.line else len(line), start + 1), len(line) + 1)
    cut = max(0, start - BEFORE) if len(line) > MAX_EXCERPT else 0
    width = len(str(span.line))
    before = source[span.line - 2] if span.line > 1 else ""
    if before.strip():
        yield f"  {span.line - 1:{width}} | {_shown(before, cut, len(before), style)}"
    yield f"  {span.line:{width}} | {_shown(line, cut, len(line), style)}"
    if start <= len(line):
        margin = _cells(_shown(line, cut, start, style))
        carets = "^" * max(1, _cells(_shown(line, cut, end, style)) - margin)
        yield f"  {'':{width}} | {' ' * margin}{_paint(d, style)(carets)}"


def _shown(line: str, start: int, end: int, style: Style) -> str:
    """A part of a line as it is printed, cut to the available width."""
    lead = "..." if start else ""
    return style.readable(lead + printable(line[start : min(end, start + MAX_EXCERPT)]))


def _cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def printable(text: str, keep: str = "") -> str:
    """Make control and bidirectional characters visible: a file must not control the terminal.

    keep: control characters that are not changed; otherwise a tab becomes a space."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else " " if c == "\t" else f"\\u{ord(c):04x}" for c in text)
