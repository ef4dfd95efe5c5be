"""Lints: warnings about what is allowed but probably not meant. Every file in this folder is a lint.

A lint file declares its code with severity "warning" and defines

    def check(graph: Graph, facts: Facts) -> Iterator[Diagnostic]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import Code, Diagnostic, Span
from archbuilder.ir.graph import Graph

Check = Callable[[Graph, Facts], Iterable[Diagnostic]]


@cache
def _checks() -> tuple[Check, ...]:
    """The lints, in the order of their file names."""
    return tuple(import_module(f"{__name__}.{module.name}").check for module in iter_modules(__path__))


def lint(graph: Graph, facts: Facts) -> list[Diagnostic]:
    """The findings of every lint; of several about the same place (a repeated block) only the first."""
    found: dict[tuple[Code, Span], Diagnostic] = {}
    for check in _checks():
        for diagnostic in check(graph, facts):
            found.setdefault((diagnostic.code, diagnostic.span), diagnostic)
    return list(found.values())
