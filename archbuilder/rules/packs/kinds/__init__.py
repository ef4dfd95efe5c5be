"""The vocabulary of rule packs: one file per kind of rule, found by its name.

The file `kinds/NAME.py` defines the rule NAME: its fields, its check, its manual, an example and rejected examples.
Only the files of rules that a pack uses are imported.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from archbuilder.document.nodes import Node
from archbuilder.rules.packs.rule import Rule
from archbuilder.schema.env import Env
from archbuilder.schema.family import Family
from archbuilder.schema.model import INVALID, VALUE

MAX_RULES = 100

_registered: dict[str, type[Rule]] = {}

R = TypeVar("R", bound=type[Rule])


def register(rule: R) -> R:
    """Register a class as the rule with the name of its module. Raises ValueError if the name is taken."""
    kind = rule.__module__.rpartition(".")[2]
    if kind in _registered:
        raise ValueError(f"the rule {kind} is defined twice")
    rule.KIND = kind
    _registered[kind] = rule
    return rule


@cache
def _files() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def names() -> list[str]:
    """The names of all rules."""
    return sorted(_files() | set(_registered))


def find(name: str) -> type[Rule] | None:
    """The rule of this name, or None."""
    if name not in _registered and name in _files():
        import_module(f"{__name__}.{name}")
    return _registered.get(name)


RULES = Family("rule", find, names)


def read_rules(node: Node, env: Env) -> object:
    """Read the list of a pack: a tuple of Rule with different titles, or INVALID."""
    if node.is_list and len(node.value) > MAX_RULES:
        env.report(VALUE, node.span, f"{len(node.value)} rules, at most {MAX_RULES} are read")
        return INVALID
    rules = RULES.read_list(node, env)
    titles: set[str] = set()
    for rule in rules if isinstance(rules, tuple) else ():
        if rule.title in titles:
            env.report(VALUE, rule.span(), f"two rules are called {rule.title}", "give one of them another name:")
        titles.add(rule.title)
    return rules
