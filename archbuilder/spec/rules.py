"""The `rules:` key: the rule packs that a network must satisfy. The packs themselves are in rules/packs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archbuilder.diagnostics import Span, show
from archbuilder.document.nodes import Node
from archbuilder.schema.env import Env
from archbuilder.schema.model import FORM, INVALID, VALUE

MAX_PACKS = 20

_NAME = {"type": "string", "minLength": 1}
RULES = {"anyOf": [_NAME, {"type": "array", "items": _NAME, "maxItems": MAX_PACKS}, {"type": "null"}]}  # JSON Schema

_HINT = "write rules: era-s9, or rules: [era-s9, ./my-pack.yaml]"


@dataclass(frozen=True)
class PackName:
    """A pack as named in a file: the name of a shipped one, or a path relative to that file."""

    text: str
    span: Span


def read_rules(node: Node, env: Env) -> Any:
    """A tuple of PackName: one, or a list of them."""
    if node.value is None:
        return ()
    if node.is_mapping:
        places = [key for key in node.value if key.isdigit()]  # of an override: rules.0=mcu
        hint = "set all of them: rules=[era-s9, ./my-pack.yaml]" if places else _HINT
        env.report(FORM, node.span, "expected the name of a rule pack, found a mapping", hint)
        return INVALID
    items = node.value if node.is_list else [node]
    if len(items) > MAX_PACKS:
        env.report(FORM, node.span, f"{len(items)} rule packs, at most {MAX_PACKS} are read")
        return INVALID
    return tuple(PackName(item.value, item.span) for item in items if _is_name(item, env))


def _is_name(node: Node, env: Env) -> bool:
    if isinstance(node.value, str) and node.value:
        return True
    env.report(VALUE, node.span, f"expected the name of a rule pack, found {show(node.plain())}", _HINT)
    return False
