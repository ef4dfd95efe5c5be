"""Text that is not YAML, or that shows a reader a different text than the parser reads, with remedies for common
mistakes."""

from __future__ import annotations

import re
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.document.text import LINE_BREAK, place_in
from archbuilder.remedy import Hint, Layout

SYNTAX = declare(
    "AB003",
    "text that is not valid YAML",
    why=(
        "For example a bracket that is not closed, a tab as indentation, or a quote that never ends. The text after "
        "such an error is ambiguous, so nothing of the file is used. Control characters and characters that change the "
        "direction of writing are also refused: a reader would see a different text than the parser."
    ),
    bad="network: [{conv: 16}, gap",
    good="network: [{conv: 16}, gap]",
)

# characters that YAML refuses, and those that show a reader a different text than the parser reads: line breaks of YAML
# 1.1 that no editor shows, and characters that change the direction of writing
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
UNSEEN = "[\x00-\x1f\x7f\x85\xa0\u2028\u2029]"  # characters that an escape can produce and that occur in no path
_WINDOWS = r'"(?:[A-Za-z]:|\.{1,2})\\'  # "C:\... or "..\...


def check_characters(text: str, name: str) -> None:
    """Raises ArchbuilderError AB003 for a character that YAML does not allow."""
    if found := _FORBIDDEN.search(text):
        message = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
        raise ArchbuilderError(SYNTAX.at(place_in(name, text, found.start()), message, "remove it"))


def check_escapes(text: str, span: Span) -> None:
    """Raises ArchbuilderError AB003 for a Windows path in double quotes whose backslashes are valid escapes.

    In "D:\\new" the first one is a line break."""
    written = LINE_BREAK.split(text)[span.line - 1][span.column - 1 : span.end_column - 1]
    if re.match(_WINDOWS, written):
        message = f"the escapes in {written} produce characters that cannot be in a path"
        raise ArchbuilderError(SYNTAX.at(span, message, _unescaped(written)))


def syntax_error(error: Any, text: str, name: str) -> Diagnostic:
    """libyaml's error; a construct that is not closed at the end of the file is shown where it began."""
    lines = LINE_BREAK.split(text)
    mark, opened = error.problem_mark, error.context_mark
    problem = f"not YAML: {error.problem}"
    if opened and opened.line != mark.line:
        problem += f" {error.context} that starts on line {opened.line + 1}"
    last = max(1, len(lines) - (not lines[-1]))  # editors show no line after the last line break
    places = [(found.line + 1, found.column + 1) for found in (mark, opened) if found and found.line < last]
    line, column = places[0] if places else (last, len(lines[last - 1]) + 1)
    span = Span(name, line, column, line, column + 1)
    return SYNTAX.at(span, problem, _slip(lines[mark.line] if mark.line < len(lines) else "", problem))


def _unescaped(line: str) -> str:
    """The remedy for a backslash in double quotes that was not meant as an escape."""
    found = re.search(r'"([^"]*\\[^"]*)"', line)
    written = f": '{found[1]}' or {found[1].replace(chr(92), '/')}" if found else ""
    return f"a backslash in double quotes begins an escape: write a path in single quotes, or with slashes{written}"


def _slip(line: str, problem: str) -> Hint:
    """The remedies for the most common mistakes."""
    if "escape" in problem or "hexdecimal" in problem:  # libyaml's own spelling
        return _unescaped(line)
    if re.search(r":\s*[<>]=?\s*[0-9]", line):
        say = 'quote the limit, as in "> 44": an unquoted > starts a block of text in YAML'
        return Layout("limit without quotes", say=say)
    if "\t" in line:
        return Layout("tabs", say="indent with spaces, YAML does not allow tabs")
    if "mapping values are not allowed" in problem:
        return "check the indentation, and put a space after each colon"
    return "check brackets, quotes and indentation on this line and the one before"
