"""The vocabulary of rule packs: one file per kind of rule, found by its name.

A file `kinds/NAME.py` defines the rule NAME: its fields, what it holds a network against, its manual, an example
and rejected examples.  Only the files of rules that a pack uses are imported.
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
    """Make a class the rule of its module's name.  Raises ValueError where the name is taken."""
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
    """Every rule's name."""
    return sorted(_files() | set(_registered))


def find(name: str) -> type[Rule] | None:
    """The rule of a name, None where there is none."""
    if name not in _registered and name in _files():
        import_module(f"{__name__}.{name}")
    return _registered.get(name)


RULES = Family("rule", find, names)


def read_rules(node: Node, env: Env) -> object:
    """Reader of a pack's list: a tuple of Rule with titles of their own, or INVALID."""
    if node.is_list and len(node.value) > MAX_RULES:
        env.report(VALUE, node.span, f"{len(node.value)} rules, at most {MAX_RULES} are read")
        return INVALID
    rules = RULES.read_list(node, env)
    titles: set[str] = set()
    for rule in rules if isinstance(rules, tuple) else ():
        if rule.title in titles:
            env.report(VALUE, rule.span(), f"two rules are called {rule.title}", "give one of them a name: of its own")
        titles.add(rule.title)
    return rules
