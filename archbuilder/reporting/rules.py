"""Rule packs in a report: for each rule what satisfies it, or what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, groupby
from typing import Any

from archbuilder.diagnostics import Diagnostic, shorten
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.rules.packs import Verdict
from archbuilder.rules.packs.rule import listed

MAX_MESSAGE = 100  # characters: the diagnostics say what is missing in full, and JSON names every layer


def lines(verdicts: Sequence[Verdict], style: Style = PLAIN, ignored: Collection[Diagnostic] = ()) -> Iterator[str]:
    """A line for each rule, under the name of its pack; `ignored` are the findings that the user ignores."""
    for pack, group in groupby(verdicts, lambda verdict: verdict.pack):
        rules = list(group)
        width, head = max(len(verdict.rule) for verdict in rules), f"rules {pack}"
        for number, verdict in enumerate(rules):
            title = (" " if number else head).ljust(max(16, len(head)))
            waved = not verdict.ok and all(finding in ignored for finding in verdict.findings)
            paint, word = (
                (style.green, "ok") if verdict.ok else (style.yellow, "ignored") if waved else (style.red, "MISSED")
            )
            mark = paint(word.ljust(len("MISSED")))
            yield f"{title} {verdict.rule:{width}}  {mark}  {evidence(verdict)}".rstrip()


def evidence(verdict: Verdict) -> str:
    """What satisfies a rule, or what is missing, in one line."""
    if not verdict.ok:
        return shorten(verdict.message, MAX_MESSAGE)
    names = [f"{each.name} (line {each.line})" if each.line else each.name for each in verdict.by]
    by = listed(names, max(1, sum(total <= MAX_MESSAGE for total in accumulate(map(len, names)))))
    return ", ".join(filter(None, (by, verdict.message)))


def to_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain data."""
    return {
        "pack": verdict.pack,
        "rule": verdict.rule,
        "ok": verdict.ok,
        "by": [{"name": each.name, "line": each.line} for each in verdict.by],
        "message": verdict.message,
    }
