"""The result of each stage of a check (`--emit`)."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.document.nodes import Node
from archbuilder.pipeline import Report
from archbuilder.reporting.text import layer_table, totals
from archbuilder.schema.model import Model


def render(report: Report, stage: str) -> str:
    """The lines of one stage; nothing if the file did not reach it."""
    lines: Iterator[str] = iter(())
    if stage == "document" and report.document:
        lines = _document(report.document.root, "")
    elif stage == "spec" and report.spec:
        lines = _spec(report.spec)
    elif stage == "graph" and report.graph:
        nodes = report.graph.nodes.values()
        lines = (f"{node.name} = {node.op!r}({', '.join(node.inputs)}) -> {node.shape}" for node in nodes)
    elif stage == "facts" and report.facts:
        lines = iter([*layer_table(report.facts, per_op=True), "", *totals(report.facts)])
    return "\n".join(lines)


def _document(node: Node, path: str) -> Iterator[str]:
    """path, place and value of every scalar."""
    if node.is_mapping or node.is_list:
        items = node.value.items() if node.is_mapping else enumerate(node.value)
        for key, child in items:
            yield from _document(child, f"{path}.{key}" if path else str(key))
    else:
        yield f"{path}  {node.span.line}:{node.span.column}  {node.value!r}"


def _spec(model: Model, depth: int = 0) -> Iterator[str]:
    """Class and plain fields of a model, then its nested models, indented."""
    children: list[Model] = []
    shown = []
    for name, value in model:
        items = value if isinstance(value, tuple) else (value,)
        inner = [item for item in items if isinstance(item, Model)]
        children += inner
        if not inner and value is not None:
            shown.append(f"{name}={value!r}")
    yield f"{'  ' * depth}{type(model).__name__}({', '.join(shown)})"
    for child in children:
        yield from _spec(child, depth + 1)
