"""The places of a file where a network can be changed: its blocks and its variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.blocks import Block
from archbuilder.blocks.conv import Convolution
from archbuilder.diagnostics import Span
from archbuilder.document.nodes import Document, Node
from archbuilder.ir.ops import Conv2d
from archbuilder.ir.shape import Shape
from archbuilder.pipeline import Report
from archbuilder.remedies.edits import Source
from archbuilder.remedies.writing import Written, own_keys

MAX_SITES = 150  # in a larger network only the most expensive blocks are tried


@dataclass(frozen=True)
class Site:
    """A block in the file: the block as it was read, and its layers at every use.

    A body that is repeated, or used several times by name, is in the file once and is one site."""

    written: Written
    block: Block
    layers: tuple[Layer, ...]
    facts: Facts

    @property
    def word(self) -> str:
        return self.written.word

    @property
    def place(self) -> int:
        """The offset in the file, which identifies and orders sites."""
        return self.written.name[0]

    @property
    def line(self) -> int:
        return self.written.source.span(*self.written.name).line

    @cached_property
    def label(self) -> str:
        """Its name in titles: the path of its first layer, and its line."""
        if not self.layers:
            return f"{self.word} (line {self.line})"
        path = self.layers[0].node.name
        path = path.rpartition(".")[0] if isinstance(self.block, Convolution) else path
        if self.word == "depthwise_separable":
            path = path.rpartition(".")[0]
        return f"{path or self.word} (line {self.line}{f', {self.uses} times' if self.uses > 1 else ''})"

    @cached_property
    def convs(self) -> list[tuple[Layer, Conv2d]]:
        """Its convs, with their layers."""
        return [(layer, layer.node.op) for layer in self.layers if isinstance(layer.node.op, Conv2d)]

    @property
    def conv(self) -> Convolution | None:
        """The block, if it is of the conv family."""
        return self.block if isinstance(self.block, Convolution) and self.convs else None

    @cached_property
    def uses(self) -> int:
        """How often the block is run."""
        first = self.convs[0][0].node.op if self.convs else self.layers[0].node.op if self.layers else None
        return sum(layer.node.op == first for layer in self.layers) if first else 0

    @property
    def before(self) -> Shape:
        """The input map at the first use."""
        return self.facts.graph.inputs(self.layers[0].node)[0]

    @property
    def after(self) -> Shape:
        """The output map at the first use."""
        return self.layers[-1].node.shape

    @property
    def cost(self) -> float:
        """Its share of all parameters and MACs."""
        params, macs = sum(layer.params for layer in self.layers), sum(layer.macs for layer in self.layers)
        return params / max(self.facts.params, 1) + macs / max(self.facts.macs, 1)


@dataclass(frozen=True)
class Variable:
    """A variable whose value in the file is a plain number."""

    name: str
    value: int
    start: int
    end: int


def find_sites(report: Report, source: Source) -> list[Site]:
    """The blocks in the file itself that make layers, in order."""
    if report.spec is None or report.facts is None or report.document is None:
        return []
    blocks: dict[Span, Block] = {}
    for block in descend(report.spec.network):
        blocks.setdefault(block.span(), block)
    layers: dict[Span, list[Layer]] = {}
    for layer in report.facts.layers:
        layers.setdefault(layer.node.span, []).append(layer)
    sites = []
    for holder, index, span in _places(report.document):
        if span in blocks:
            written = Written(source, holder, index, _positional(blocks[span], report))
            sites.append(Site(written, blocks[span], tuple(layers.get(span, ())), report.facts))
    if len(sites) > MAX_SITES:
        sites = sorted(sites, key=lambda site: -site.cost)[:MAX_SITES]
    return sorted(sites, key=lambda site: site.place)


def _positional(block: Block, report: Report) -> str:
    """The field that a bare value means; for a use of a definition its first parameter."""
    if block.POSITIONAL or block.KIND or report.document is None:
        return block.POSITIONAL
    definition = (report.document.root.get("define") or block._node or Node(None, block.span())).get(block.word)
    params = definition.get("params") if definition else None
    return next(iter(params.value), "") if params and params.is_mapping else ""


def _places(document: Document) -> Iterator[tuple[Node, int, Span]]:
    """Every block in a list in the document's own text: the list, the position, the place of the word."""
    waiting = [node for key in ("network", "define") if (node := document.root.get(key)) is not None]
    seen: set[Span] = set()
    while waiting:
        node = waiting.pop()
        if node.span.file != document.name:
            continue
        if node.is_list:
            for index, item in enumerate(node.value):
                span = _word_place(item)
                if span and span not in seen and span.file == document.name and _inside(span, item.span):
                    seen.add(span)
                    yield node, index, span
        waiting += node.value if node.is_list else node.value.values() if node.is_mapping else ()


def _word_place(item: Node) -> Span | None:
    if isinstance(item.value, str):
        return item.span
    if item.is_mapping and len(item.value) == 1:
        return item.keys.get(next(iter(item.value)))
    return None


def _inside(inner: Span, outer: Span) -> bool:
    start, end = (inner.line, inner.column), (inner.end_line, inner.end_column)
    return (outer.line, outer.column) <= start and end <= (outer.end_line, outer.end_column)


def descend(blocks: Iterable[object]) -> Iterator[Block]:
    """Blocks and all blocks nested in them."""
    for block in blocks:
        if isinstance(block, tuple):
            yield from descend(block)
        elif isinstance(block, Block):
            yield block
            for name in type(block).model_fields:
                value = getattr(block, name, None)
                if isinstance(value, tuple):
                    yield from descend(value)


def find_variables(report: Report, source: Source) -> list[Variable]:
    """The variables that are plain numbers in the file itself."""
    node = report.document.root.get("vars") if report.document else None
    if node is None or not node.is_mapping:
        return []
    found = []
    for name in own_keys(source, node):
        value = node.value[name]
        if type(value.value) is int and value.span.file == source.file:
            found.append(Variable(name, value.value, *source.range(value.span)))
    return found
