"""The network as a Mermaid flowchart, which GitHub, GitLab and many editors draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.exporters.diagram import COLOURS, Block, Item, Stage, blocks, diagram
from archbuilder.ir.graph import Graph

INDENT = "  "


def export(graph: Graph, facts: Facts) -> str:
    """A flowchart from top to bottom, with shapes and receptive fields on the edges."""
    drawn = diagram(graph, facts)
    names = {id(block): f"n{number}" for number, block in enumerate(blocks(drawn.series.items))}
    lines = ["flowchart TD", *_items(drawn.series.items, names, 1)]
    for edge in drawn.edges:
        label = _quoted(drawn.labels[edge.value])
        lines.append(f"{INDENT}{names[id(edge.source)]} -->|{label}| {names[id(edge.target)]}")
    kinds = sorted({block.kind for block in blocks(drawn.series.items)})
    for kind in kinds:
        members = ",".join(names[id(block)] for block in blocks(drawn.series.items) if block.kind == kind)
        lines.append(f"{INDENT}classDef {kind}_ fill:{COLOURS[kind].fill},stroke:{COLOURS[kind].line},color:#1b2733")
        lines.append(f"{INDENT}class {members} {kind}_")
    return "\n".join(lines) + "\n"


def _items(items: Iterable[Item], names: dict[int, str], depth: int) -> Iterator[str]:
    for item in items:
        if isinstance(item, Block):
            yield INDENT * depth + names[id(item)] + _node(item)
        elif isinstance(item, Stage):
            inside = list(_items(item.series.items, names, depth + 1))
            first = next(blocks(item.series.items))
            yield f"{INDENT * depth}subgraph s{depth}_{names[id(first)]} [{_quoted(item.title)}]"
            yield from inside
            yield f"{INDENT * depth}end"
        else:
            for column in item.columns:
                yield from _items(column.items, names, depth)


def _node(block: Block) -> str:
    if block.symbol:
        return f"(({_quoted(block.symbol)}))"
    text = "<br/>".join(map(_escaped, dict.fromkeys((block.title, ", ".join(block.text)))))
    if block.params:
        text += f"<br/>{block.params:,} parameters"
    return f'(["{text}"])' if block.kind == "end" else f'["{text}"]'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Mermaid's own escapes: it has no backslash, and < > would be HTML."""
    for character, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(character, code)
    return "".join(c if c.isascii() else f"#{ord(c)};" for c in text)
