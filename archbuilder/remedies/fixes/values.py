"""Values that are almost right: 32.0, yes, a number without its relation, groups that do not divide, a taken name,
channels that come last, a value without the field that it is of."""

from __future__ import annotations

import re
from math import gcd

from archbuilder.diagnostics import Diagnostic
from archbuilder.document import Node
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Patch

_WHOLE = re.compile(r"(?:write|channels come first:) (-?[0-9]+|\[[^\[\]]*\])")
_FIELD_OF = re.compile(r"write [a-z_]+: \{([a-z_]+): [^\[\]{},]*\}")
_RELATION = re.compile(r'write the relation too: ("[^"]+")')
_GROUPS = re.compile(r"groups=([0-9]+) must divide ([0-9]+) .*?([0-9]+)")
_OTHER_NAME = re.compile(r"use another one, (\w+) or")
_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def mend(d: Diagnostic, page: Page) -> Mending | None:
    text = _value(d, page)
    return _write(d, page, text) if text else None


def _value(d: Diagnostic, page: Page) -> str:
    if whole := _WHOLE.fullmatch(d.hint):
        return whole[1]
    if field := _FIELD_OF.fullmatch(d.hint):
        return f"{{{field[1]}: {_written(d, page)}}}"
    if relation := _RELATION.fullmatch(d.hint):
        return relation[1]
    if other := _OTHER_NAME.match(d.hint):
        return other[1]
    if d.hint.startswith("YAML knows true and false"):
        return _TRUTH.get(_written(d, page).strip("\"'"), "")
    if d.hint.startswith("write // to divide"):
        return re.sub("(?<!/)/(?!/)", "//", _written(d, page))
    if groups := _GROUPS.match(d.message):
        return _common_divisor(*map(int, groups.groups()))
    return ""


def _common_divisor(groups: int, *channels: int) -> str:
    """The divisor of both numbers of channels that is nearest; the smaller of two."""
    most = gcd(*channels)
    divisors = (n for n in range(1, most + 1) if most % n == 0)
    return str(min(divisors, key=lambda n: (abs(n - groups), n)))


def _node(d: Diagnostic, page: Page) -> Node | None:
    """The value that a finding is about, where it is a plain one of this file or a list."""
    entry = page.entry(d.span)
    node = entry.value if entry else page.scalar(d.span)
    return node if node is not None and not node.is_mapping and node.span.file == page.source.file else None


def _written(d: Diagnostic, page: Page) -> str:
    node = _node(d, page)
    return page.source.at(node.span) if node else ""


def _write(d: Diagnostic, page: Page, text: str) -> Mending | None:
    node, entry = _node(d, page), page.entry(d.span)
    if node is None:
        return None
    name = f"{entry.key}: " if entry else ""
    return Mending(f"write {name}{text}", (Patch(*page.source.range(node.span), text),))
