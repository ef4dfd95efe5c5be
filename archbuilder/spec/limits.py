"""The limits: section: `params: "< 200k"`; memory with its dtype: `flash: "< 256 KiB int8"`."""

from __future__ import annotations

import re
from math import inf
from typing import Any, NamedTuple

from archbuilder.diagnostics import Span, declare, show
from archbuilder.document.nodes import Node
from archbuilder.remedy import Hint, Layout, Write
from archbuilder.schema.env import Env
from archbuilder.schema.model import FORM, INVALID

MAX_LENGTH = 40  # characters of a limit
MAX_LIMITS = 50
FLOORS = ("receptive_field",)  # quantities with a lower bound; all others have an upper bound

LIMIT = declare(
    "AB501",
    "a limit that cannot be read",
    why=(
        "A limit is a relation and a number, in quotes, because in YAML an unquoted > begins a block of text. A limit "
        "that cannot be read could not be checked."
    ),
    bad="limits: {params: under 200k}",
    good='limits: {params: "< 200k"}',
)

_SUFFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_DTYPE = r"(?:\s+(b?float[0-9]+|u?int[0-9]+))?"
_PATTERN = re.compile(r"(<=|>=|==|=|<|>)\s*([0-9][0-9_]*)(?:\.([0-9]+))?\s*([KMG]i|[kKMG])?B?" + _DTYPE)
LIMITS = {  # as JSON Schema; the quantities are in rules/limits.py
    "type": ["object", "null"],
    "maxProperties": MAX_LIMITS,
    "additionalProperties": {"title": "limit", "type": "string", "pattern": rf"^\s*({_PATTERN.pattern})\s*$"},
}


class Limit(NamedTuple):
    """A bound on a total: `relation` is <, <=, >, >= or ==; `text` is the text in the file, `dtype` is empty if none is
    given."""

    name: str
    text: str
    relation: str
    bound: int
    span: Span
    dtype: str = ""

    def same_as(self, other: Limit) -> bool:
        """Whether both are the same bound on the same total, in whatever place."""
        return self._replace(text="", span=other.span) == other._replace(text="")

    def holds(self, value: int) -> bool:
        if self.relation == "==":
            return value == self.bound
        if self.relation in ("<", ">") and value == self.bound:
            return False
        return self.left(value) >= 0

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest whole number within the bound."""
        step = 0 if "=" in self.relation else 1
        if self.relation == "==":
            return self.bound, self.bound
        return (0, self.bound - step) if "<" in self.relation else (self.bound + step, inf)

    def left(self, value: int) -> int:
        """The distance of a value from the bound; negative: by how much it misses the bound."""
        if self.relation == "==":
            return -abs(value - self.bound)
        return self.bound - value if "<" in self.relation else value - self.bound


def read_limits(node: Node, env: Env) -> Any:
    """A tuple of Limit; invalid ones are reported."""
    if node.value is None:
        return ()
    if not node.is_mapping:
        env.report(FORM, node.span, "expected a mapping of limits", 'write params: "< 200k" under limits:')
        return INVALID
    if len(node.value) > MAX_LIMITS:
        env.report(LIMIT, node.span, f"{len(node.value)} limits, at most {MAX_LIMITS} are read", "")
        return INVALID
    return tuple(limit for name, child in node.value.items() if (limit := _limit(name, child, node.place(name), env)))


def _limit(name: str, node: Node, span: Span, env: Env) -> Limit | None:
    text = node.value.strip() if isinstance(node.value, str) else ""
    wrong = span if node.value is None else node.span
    found = _PATTERN.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if not found:
        env.report(LIMIT, wrong, f"{name}: {show(node.plain(), MAX_LENGTH)} is not a limit", _hint(name, node.value))
        return None
    relation, whole, fraction, suffix, dtype = found.groups("")
    # in integers: 0.07 * 1000 is not 70 in floating point
    bound, rest = divmod(int(whole.replace("_", "") + fraction) * _SUFFIXES[suffix], 10 ** len(fraction))
    if rest:
        env.report(LIMIT, wrong, f"{name}: {text} is not a whole number", "write a whole number")
        return None
    return Limit(name, text, "==" if relation == "=" else relation, bound, span, dtype)


def _hint(name: str, value: Any) -> Hint:
    if isinstance(value, str) and (not value or "\n" in value):
        say = 'quote it, as in "> 44": an unquoted > starts a block of text in YAML'
        return Layout("limit without quotes", say=say)
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _PATTERN.fullmatch(f"<{value.strip()}")):
        relation = ">=" if name in FLOORS else "<"
        return Write(f'"{relation} {str(value).strip()}"', say="write the relation too: {}")
    return 'write a relation and a number: "< 200k", ">= 45", "<= 64Ki"'
