"""Slips of YAML: a blank after the colon, a limit in quotes, spaces instead of tabs."""

from __future__ import annotations

import re

from archbuilder.diagnostics import Diagnostic
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Patch, Patches

_SPELT = re.compile(r"put a (blank after the colon|colon before the bracket): (.+)")
_LIMIT = r"(?:[<>]=?|==?)[ \t]*[0-9][0-9_.]*(?:[ \t]*[kKMG]i?B?|[ \t]*B)?(?:[ \t]+b?[a-z]+[0-9]+)?"
_BARE_LIMIT = re.compile(rf":\s*({_LIMIT})[ \t]*(?=[,}}#]|$)")
TAB = 2  # columns, as the language's own samples are indented


def mend(d: Diagnostic, page: Page) -> Mending | None:
    spelt = _SPELT.match(d.hint)
    if spelt and spelt[2] != page.source.at(d.span):
        return Mending(f"put a {spelt[1]}: {spelt[2]}", (Patch(*page.source.range(d.span), spelt[2]),))
    if d.hint.startswith("quote "):
        patches = _quoted(page, d.span.line)
        return Mending("put the limit in quotes", patches) if patches else None
    if d.hint.startswith("indent with spaces"):
        patches = _untabbed(page)
        return Mending("indent with spaces instead of tabs", patches) if patches else None
    return None


def _quoted(page: Page, line: int) -> Patches:
    """The bare limits on a line, or on the one before: an unquoted > is noticed after it."""
    for number in (line, line - 1):
        if not 1 <= number <= len(page.source.starts):
            continue
        start = page.source.starts[number - 1]
        text = page.source.text[start : page.source.line_end(start)]
        found = [(start + match.start(1), start + match.end(1)) for match in _BARE_LIMIT.finditer(text)]
        if found:
            return tuple(Patch(a, b, f'"{page.source.text[a:b]}"') for a, b in found)
    return ()


def _untabbed(page: Page) -> Patches:
    """Every line's indentation: one alone would not fit its neighbours."""
    patches = []
    for start in page.source.starts:
        text = page.source.text[start : page.source.line_end(start)]
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        if "\t" in indent:
            patches.append(Patch(start, start + len(indent), indent.expandtabs(TAB)))
    return tuple(patches)
