"""Finds the key or value at a place in a file."""

from __future__ import annotations

from dataclasses import dataclass

from archbuilder.diagnostics import Span
from archbuilder.document.nodes import Node

Path = tuple[str | None, ...]  # keys; None for an item of a list


@dataclass(frozen=True)
class Found:
    """A key or a value: the path to it, the node of the value, and its place."""

    path: Path
    node: Node
    span: Span
    is_key: bool


def find(root: Node, file: str, line: int, column: int) -> Found | None:
    """The key or the scalar at a place, line and column from 1."""
    node, path = root, Path()
    while True:
        step = next((child for child in _children(node) if _covers(child, file, line, column)), None)
        if step is None:
            return None
        key, span, node = step
        path = (*path, key)
        if span is not None and contains(span, file, line, column):
            return Found(path, node, span, is_key=True)
        if not node.is_mapping and not node.is_list:
            return Found(path, node, node.span, is_key=False)


Child = tuple[str | None, Span | None, Node]  # key, place of the key, value


def _children(node: Node) -> list[Child]:
    if node.is_mapping:
        return [(key, node.keys.get(key), child) for key, child in node.value.items()]
    return [(None, None, child) for child in node.value] if node.is_list else []


def _covers(child: Child, file: str, line: int, column: int) -> bool:
    _, key, node = child
    return contains(node.span, file, line, column) or (key is not None and contains(key, file, line, column))


def contains(span: Span, file: str, line: int, column: int) -> bool:
    """Whether a place is in a span, or directly after it."""
    if span.file != file:
        return False
    return (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)
