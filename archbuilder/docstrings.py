"""The docstrings that are manuals: of blocks and of sections."""

from __future__ import annotations

import sys
from inspect import cleandoc


def docstring(thing: type) -> str:
    """The docstring of a class without its indentation; empty if there is none.

    If Python removes docstrings (-OO, PYTHONOPTIMIZE=2), it is read from the source.
    """
    return cleandoc(thing.__doc__ or _from_source(thing))


def _from_source(thing: type) -> str:
    if sys.flags.optimize < 2:
        return ""
    import ast
    from inspect import getsource
    from textwrap import dedent

    try:
        (node,) = ast.parse(dedent(getsource(thing))).body
    except (OSError, TypeError, ValueError):  # it has no source: made at runtime, or shipped without
        return ""
    return (ast.get_docstring(node) if isinstance(node, ast.ClassDef) else None) or ""
