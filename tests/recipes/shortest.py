"""A file that fails, cut down to what it takes to fail."""

from __future__ import annotations

from collections.abc import Callable

from archbuilder.pipeline import check
from tests.recipes.files import File, paths, without

KEPT = {("archbuilder",), ("input",), ("network",), ("data",), ("data", "dataset"), ("train",)}


def shortest(file: File, fault: Callable[[File], str]) -> File:
    """The file with nothing left that can be left out with the same fault."""
    kind = _kind(fault(file))
    again = True
    while again:
        again = False
        for keys in list(paths(file.tree)):
            if keys in KEPT:
                continue
            try:
                smaller = File(without(file.tree, keys), file.ordinary)
            except (KeyError, IndexError, TypeError):  # it went with something before
                continue
            if check(smaller.text).ok and _kind(fault(smaller)) == kind:
                file, again = smaller, True
                break
    return file


def _kind(found: str) -> str:
    return found.strip().splitlines()[-1][:60] if found else ""
