"""The network as an SVG drawing: blocks with their cost, stages as frames, skips as lines around their body."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from archbuilder.analysis.facts import Facts
from archbuilder.exporters.diagram import COLOURS, Block, Diagram, blocks, diagram, stages
from archbuilder.exporters.svg.layout import MERGE, NEAR, Layout, layout
from archbuilder.exporters.svg.lines import arrows, notes
from archbuilder.exporters.svg.text import HEAD, LINE, PADDING
from archbuilder.exporters.svg.text import width as text_width
from archbuilder.ir.graph import Graph
from archbuilder.ir.op import by
from archbuilder.reporting.text import human

MARGIN, HEADER = 32.0, 104.0
TOTALS_SIZE = 13.0

LEGEND = (
    "on the lines: channels x height x width, receptive field (RF) in input pixels; in the blocks: parameters",
    "RF a-b: along the shortest and the longest path; *: the whole input; <: at most",
)
STYLE = """\
text { font-family: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; fill: #1b2733; }
.name { font-size: 20px; font-weight: 600; }
.totals { font-size: 13px; fill: #52606d; }
.title { font-size: 13px; font-weight: 600; }
.text { font-size: 11.5px; fill: #52606d; }
.note { font-size: 11px; fill: #52606d; }
.stage { font-size: 12px; font-weight: 600; fill: #52606d; letter-spacing: 0.04em; }
.merge { font-size: 12px; font-weight: 600; }
.frame { fill: #f7f9fb; stroke: #d3dbe3; }
.line { fill: none; stroke: #7b8794; stroke-width: 1.5; }
.arrow { fill: #7b8794; }"""


def export(graph: Graph, facts: Facts) -> str:
    """The source of an SVG file."""
    drawn = diagram(graph, facts)
    placed = layout(drawn)
    head = [_totals(facts), *LEGEND]
    inside = max(placed.width, *(text_width(line, TOTALS_SIZE) for line in head))
    width = inside + 2 * MARGIN
    height = placed.height + HEADER + 2 * MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(graph.name)}">',
        f"<title>{escape(graph.name)}</title>",
        f"<style>\n{STYLE}\n</style>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        _text(MARGIN, MARGIN + 14, "name", graph.name),
        *(_text(MARGIN, MARGIN + 38 + 20 * number, "totals", line) for number, line in enumerate(head)),
        f'<g transform="translate({MARGIN + (inside - placed.width) / 2:.1f} {HEADER + MARGIN:.1f})">',
        *_frames(drawn, placed),
        *arrows(placed),
        *(line for block in blocks(drawn.series.items) for line in _block(block, placed)),
        *notes(drawn, placed),
        "</g>",
        "</svg>",
    ]
    # ASCII, so that no encoding of a terminal or browser matters
    return "".join(f"{line}\n" for line in lines).encode("ascii", "xmlcharrefreplace").decode()


def _totals(facts: Facts) -> str:
    field = "receptive field " + by(facts.field.size)
    if facts.field_with_gap != facts.field:
        field += f" before the global pool, {by(facts.field_with_gap.size)} with it"
    return f"{facts.params:,} parameters · {human(facts.macs)} MACs · {field}"


def _frames(drawn: Diagram, placed: Layout) -> Iterator[str]:
    for stage in stages(drawn.series):
        box = placed.of(stage)
        x, width = box.x - box.left, box.left + box.right
        yield f'<rect class="frame" x="{x:.1f}" y="{box.y:.1f}" width="{width:.1f}" height="{box.height:.1f}" rx="10"/>'
        yield _text(x + 14, box.y + 20, "stage", stage.title)


def _block(block: Block, placed: Layout) -> Iterator[str]:
    box, colour = placed.of(block), COLOURS[block.kind]
    if block.symbol:
        half = placed.half(block)
        rect = (
            f'x="{box.x - half:.1f}" y="{box.y:.1f}" width="{2 * half:.1f}" height="{2 * MERGE:.1f}" rx="{MERGE:.1f}"'
        )
        yield f'<rect {rect} fill="#ffffff" stroke="{COLOURS["end"].line}" stroke-width="1.5"/>'
        yield _text(box.x, box.middle + 4, "merge", block.symbol, "middle")
        yield _text(box.x - NEAR, box.bottom + 17, "note", block.title, "end")
        return
    card = placed.cards[id(block)]
    x = box.x - card.width / 2
    radius = card.height / 2 if block.kind == "end" else 7
    rect = f'x="{x:.1f}" y="{box.y:.1f}" width="{card.width:.1f}" height="{card.height:.1f}" rx="{radius:.1f}"'
    yield f'<rect {rect} fill="{colour.fill}" stroke="{colour.line}" stroke-width="1.2"/>'
    if block.kind == "end":
        yield _text(box.x, box.middle - 3, "title", card.title, "middle")
        yield _text(box.x, box.middle + 13, "text", " ".join(card.lines), "middle")
        return
    yield _text(x + PADDING, box.y + 9 + 13, "title", card.title)
    yield _text(x + card.width - PADDING, box.y + 9 + 13, "text", card.cost, "end")
    for number, line in enumerate(card.lines):
        yield _text(x + PADDING, box.y + 9 + HEAD + LINE * number + 11, "text", line)


def _text(x: float, y: float, kind: str, text: str, anchor: str = "start") -> str:
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{side}>{escape(text)}</text>'
