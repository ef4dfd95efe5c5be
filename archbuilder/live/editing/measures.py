"""The layers of each block, by its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from archbuilder.analysis.facts import Facts, Layer
from archbuilder.blocks import Block
from archbuilder.diagnostics import Span
from archbuilder.pipeline import Report
from archbuilder.reporting.field import field_of
from archbuilder.reporting.text import human


@dataclass
class Measure:
    """A block in the file, with all its layers, in every repetition and at every use.

    `ends` are the last layers of its repetitions; `inside` is the line of the enclosing block, 0 for none.
    """

    word: str
    span: Span
    inside: int
    layers: list[Layer] = field(default_factory=list)
    ends: list[Layer] = field(default_factory=list)

    @property
    def params(self) -> int:
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)


def measures(report: Report) -> dict[tuple[int, int], Measure]:
    """Line and column of each block's word -> its measure; empty if there are no facts."""
    if report.spec is None or report.facts is None:
        return {}
    collector = _Collector(report.facts, report.file)
    collector.walk(report.spec.network, inside=0, runs=1)
    return collector.found


class _Collector:
    def __init__(self, facts: Facts, file: str) -> None:
        self.file = file
        self.found: dict[tuple[int, int], Measure] = {}
        self.own: dict[int, list[tuple[int, Layer]]] = {}  # by the identity of the block
        for position, layer in enumerate(facts.layers):
            self.own.setdefault(id(layer.node.place), []).append((position, layer))

    def walk(self, blocks: Iterable[Block], inside: int, runs: int) -> list[tuple[int, Layer]]:
        """Record the blocks of a list and their nested blocks; returns their layers with positions."""
        together: list[tuple[int, Layer]] = []
        for block in blocks:
            span = block.span()
            times = getattr(block, "times", 1) if block.KIND == "repeat" else 1
            layers = list(self.own.get(id(block), ()))
            for inner in _lists(block):
                layers += self.walk(inner, span.line, runs * times)
            layers.sort(key=lambda pair: pair[0])
            self._note(block, span, inside, [layer for _, layer in layers], runs)
            together += layers
        return together

    def _note(self, block: Block, span: Span, inside: int, layers: list[Layer], runs: int) -> None:
        if span.file != self.file or not layers:
            return
        key = span.line, span.column
        measure = self.found.setdefault(key, Measure(block.word, span, inside))
        measure.layers += layers
        each = max(1, len(layers) // runs)
        measure.ends += layers[each - 1 :: each]


def _lists(block: Block) -> Iterator[tuple[Block, ...]]:
    """The lists of blocks in a block: its body, its paths, its shortcut."""
    for _, value in block:
        yield from _blocks_in(value)


def _blocks_in(value: Any) -> Iterator[tuple[Block, ...]]:
    if isinstance(value, tuple) and value:
        if all(isinstance(item, Block) for item in value):
            yield value
        else:
            for item in value:
                yield from _blocks_in(item)


def label(found: list[Measure]) -> str:
    """The hint at the end of a line with these blocks: `32x16x16 · 9.2k · RF 21`."""
    last = found[-1].ends
    first, end = str(last[0].node.shape), str(last[-1].node.shape)
    params = sum(measure.params for measure in found)
    reach = last[-1].reach
    parts = [end if first == end else f"{first} … {end}"]
    parts += [f"×{len(last)}"] * (len(last) > 1) + [human(params)] * bool(params)
    return " · ".join([*parts, f"RF {field_of(reach)}"])


def facts_of(report: Report, measure: Measure) -> Facts:
    """The facts, restricted to the layers of one block."""
    assert report.facts is not None
    return replace(report.facts, layers=tuple(measure.layers))
