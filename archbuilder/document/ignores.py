"""`# archbuilder: ignore AB402` at the end of a line: findings with these codes on that line are accepted.

    - dilated: {out: 64, dilation: 8}  # archbuilder: ignore AB402, AB405 the map is small on purpose

Warnings can be ignored, and so can verdicts on a network (a missed limit, a missed rule). An error that keeps a file
from being analysed cannot: the file would pass without being checked.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from archbuilder.diagnostics import MAX_PROBLEMS, Diagnostic, Span, declare, declared, known_codes, nearest
from archbuilder.document.parser import scalars
from archbuilder.document.text import LINE_BREAK

UNUSED = declare(
    "AB011",
    "an ignore comment that ignores nothing",
    severity="warning",
    why=(
        "The problem it was written for has been fixed, or is on another line. If the comment stays, it hides the next "
        "finding of that kind on this line. Comments for codes of rules and goals (AB511 to AB516, AB541, AB543, "
        "AB545) are never reported here: the comment may be meant for a rule pack that only another check uses."
    ),
    bad="- conv: 16  # archbuilder: ignore AB403\n- gap",
    good="- pointwise: {out: 16, padding: 1}  # archbuilder: ignore AB403 as in the paper\n- gap",
)
UNKNOWN = declare(
    "AB012",
    "an ignore comment that has no effect",
    severity="warning",
    why=(
        "Warnings can be ignored on their line, and so can a missed limit, rule or goal (AB503, AB511 to AB516, AB541, "
        "AB543, AB545). An error that keeps the file from being analysed cannot be ignored: the file would pass "
        "without being checked."
    ),
    bad="- pointwise: {out: 16, padding: 1}  # archbuilder: ignore AB4O3\n- gap",
    good="- pointwise: {out: 16, padding: 1}  # archbuilder: ignore AB403 as in the paper\n- gap",
)

REMARKS = (UNUSED, UNKNOWN)  # findings about the comments themselves

MAX_COMMENTS, MAX_CODES = 1_000, 100  # per file, per comment: further ones are not read and have no effect

# codes are separated by commas or spaces; the first word that is not a code, without a comma before it, begins the
# reason
_COMMENT = re.compile(
    r"#[ \t]*archbuilder:[ \t]*ignore\b[ \t]*"
    r"(?P<codes>[^\s,]+(?:[ \t]*,[ \t]*[^\s,]+|[ \t]+[A-Za-z]{2}[0-9]{3}\b)*)?"
)
_CODE = re.compile(r"[^\s,]+")


@dataclass(frozen=True)
class Comment:
    """One comment, and its codes, each with its place."""

    span: Span
    codes: tuple[tuple[str, Span], ...]


def settle(
    found: Sequence[Diagnostic], sources: Mapping[str, str], file: str, complete: bool
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Divide the findings in some YAML sources into (those that count, those that are ignored).

    Invalid comments of `file` itself are findings, too; if the analysis is `complete`, so are comments that ignore
    nothing.
    """
    comments = {name: list(comments_of(text, name)) for name, text in sources.items() if "ignore" in text}
    wanted = {(code, span.file, span.line) for each in comments.values() for one in each for code, span in one.codes}
    ignored = [d for d in found if d.code.ignorable and (d.code.id, d.span.file, d.span.line) in wanted]
    used = {(d.code.id, d.span.line) for d in ignored if d.span.file == file}
    waved = set(ignored)
    left = [d for d in found if d not in waved]
    problems = (d for comment in comments.get(file, ()) for d in _problems(comment, used, complete))
    return [*left, *islice(problems, MAX_PROBLEMS + 1)], ignored


def comments_of(text: str, file: str) -> Iterator[Comment]:
    """The ignore comments of a YAML text; text inside a value is never a comment."""
    starts = [0, *(found.end() for found in LINE_BREAK.finditer(text)), len(text)]
    candidates = list(islice(_COMMENT.finditer(text), MAX_COMMENTS))
    outside = {found.start() for found in candidates}
    places = sorted(outside)
    for start, end in _values(text, starts) if places else ():
        if start > places[-1]:
            break
        outside -= set(places[bisect_left(places, start) : bisect_left(places, end)])
    for found in candidates:
        if found.start() in outside:
            yield _comment(found, file, starts)


def _values(text: str, starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The start and end offsets of each scalar; a block scalar (| and >) begins after its first line."""
    for event in scalars(text):
        start, end = event.start_mark, event.end_mark
        first = starts[start.line + 1] if event.style in ("|", ">") else starts[start.line] + start.column
        yield first, starts[end.line] + end.column


def _comment(found: re.Match[str], file: str, starts: Sequence[int]) -> Comment:
    line = bisect_left(starts, found.start() + 1)

    def place(start: int, end: int) -> Span:
        return Span(file, line, start - starts[line - 1] + 1, line, end - starts[line - 1] + 1)

    words = islice(_CODE.finditer(found.string, *found.span("codes")), MAX_CODES) if found["codes"] else ()
    return Comment(place(*found.span()), tuple((word[0].upper(), place(*word.span())) for word in words))


def _problems(comment: Comment, used: set[tuple[str, int]], complete: bool) -> Iterator[Diagnostic]:
    if not comment.codes:
        hint = "name the codes to ignore: # archbuilder: ignore AB402"
        yield UNKNOWN.at(comment.span, "the comment names no code", hint)
    for code, span in comment.codes:
        if (code, span.line) in used:
            continue
        kind = declared().get(code) or known_codes(code).get(code)  # of a custom block, or of the package
        if kind is None:
            near = nearest(code, list(known_codes())) or "write it like this: # archbuilder: ignore AB402 and why"
            yield UNKNOWN.at(span, f"there is no code {code}", near)
        elif kind in REMARKS or not kind.ignorable:
            yield UNKNOWN.at(
                span, f"{code} cannot be ignored on a line", "fix the error and remove the code from the comment"
            )
        elif complete and not kind.of_pack:  # codes of packs may be for another check that uses the pack with --rules
            yield UNUSED.at(span, f"there is no {code} on this line", "remove it from the comment")
