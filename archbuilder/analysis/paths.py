"""The path of the block that a layer comes from, as tables, rules and comparisons print it."""

from __future__ import annotations

from archbuilder.ir.graph import Node


def block_path(node: Node) -> str:
    """The path of a layer up to the scope that its block opened, or its own path if the block opened none."""
    label = getattr(node.place, "name", None) or getattr(node.place, "block", None) or node.block
    steps = node.name.split(".")
    for end in range(len(steps) - 1, 0, -1):
        step = steps[end - 1]
        if step.startswith(label) and step[len(label) :].strip("0123456789") == "":
            return ".".join(steps[:end])
    return node.name
