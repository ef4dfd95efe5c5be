"""The limits: section: `params: "< 200k"`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from archbuilder.diagnostics import Span, declare
from archbuilder.document import Node
from archbuilder.schema.model import FORM, INVALID, Env

LIMIT = declare("AB501", "a limit that cannot be read")

_SUFFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_PATTERN = re.compile(r"(<=|>=|==|=|<|>)\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([kKMG]i?)?B?")


@dataclass(frozen=True)
class Limit:
    """A bound on a total: `relation` is <, <=, >, >= or ==; `text` is as written."""

    name: str
    text: str
    relation: str
    bound: int
    span: Span

    def holds(self, value: int) -> bool:
        if self.relation == "==":
            return value == self.bound
        if self.relation in ("<", ">") and value == self.bound:
            return False
        return self.left(value) >= 0

    def left(self, value: int) -> int:
        """How far a value is on the good side of the bound; negative: by how much it misses."""
        if self.relation == "==":
            return -abs(value - self.bound)
        return self.bound - value if "<" in self.relation else value - self.bound


def read_limits(node: Node, env: Env) -> Any:
    """A tuple of Limit; every unreadable one is reported."""
    if not node.is_mapping:
        env.report(FORM, node.span, "expected a mapping of limits", 'write params: "< 200k" under limits:')
        return INVALID
    return tuple(limit for name, child in node.value.items() if (limit := _limit(name, child, node.place(name), env)))


def _limit(name: str, node: Node, span: Span, env: Env) -> Limit | None:
    text = node.value if isinstance(node.value, str) else str(node.plain())
    found = _PATTERN.fullmatch(text.strip())
    if not found or len(text) > 40:
        slip = 'quote it, as in "> 44": an unquoted > starts a block of text in YAML'
        hint = slip if "\n" in text or node.value in ("", None) else 'write a relation and a number: "< 200k", ">= 45", "<= 64Ki"'
        env.report(LIMIT, span, f"{name}: {text.strip()[:40]!r} is not a limit", hint)
        return None
    relation, number, suffix = found.groups()
    bound = float(number.replace("_", "")) * _SUFFIXES[suffix or ""]
    if bound != int(bound):
        env.report(LIMIT, span, f"{name}: {text} is not a whole number", "")
        return None
    return Limit(name, text.strip(), "==" if relation == "=" else relation, int(bound), span)
